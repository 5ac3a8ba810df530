#!/bin/sh
# Makes the fixtures of Python's tools by running them: pytest-benchmark, pyperf, asv and Prometheus's client.
# Needs python3 with venv, and git.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install pytest==8.4.2 pytest-benchmark==5.2.3 pyperf==2.9.0 asv==0.6.5 virtualenv prometheus_client==0.26.0
PATH="$work/venv/bin:$PATH"
cd "$work" && export HOME="$work"
out() { mkdir -p "$here/$1" && sed "s#$work#/sample#g; s#\"hostname\": *\"[^\"]*\"#\"hostname\": \"host\"#; s#\"node\": *\"[^\"]*\"#\"node\": \"host\"#" >"$here/$1/$2"; } # folders and host names are nobody's business

cat >test_sample.py <<'END'
import pytest
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
@pytest.mark.parametrize("n", [5, 10])
def test_fib(benchmark, n): benchmark.pedantic(fib, args=(n,), rounds=20, iterations=5)
class TestWords:
    def test_split(self, benchmark): benchmark.pedantic(lambda: ("some words " * 100).split(), rounds=20, iterations=5)
END
pytest -q test_sample.py --benchmark-json=bench.json --benchmark-save-data >/dev/null || true
out python_pytest here.json <bench.json

python3 -m pyperf timeit --fast -o one.json --name 'join "<b>"' '",".join(map(str, range(100)))' >/dev/null
cat >suite.py <<'END'
import pyperf
r = pyperf.Runner(processes=3, values=3, warmups=1)
r.timeit("sorted list", stmt="sorted(l)", setup="l=list(range(1000))")
r.timeit("sorted reversed", stmt="sorted(l)", setup="l=list(range(1000))[::-1]")
END
python3 suite.py -o suite.json >/dev/null
out pyperf here.json <one.json
out pyperf here_suite.json <suite.json

cat >metrics.py <<'END'
import sys
from prometheus_client import *
from prometheus_client import exposition
from prometheus_client.openmetrics import exposition as openmetrics
r = CollectorRegistry()
Counter("requests", "Requests.", ["path"], registry=r).labels('/a "b"\\c\nd').inc(3, exemplar={"trace": "1"})
Histogram("request_duration_seconds", "Durations.", registry=r, buckets=[.1, 1]).observe(.2, exemplar={"trace": "abc def"})
Summary("response_size_bytes", "Sizes.", registry=r).observe(4)
Gauge("cache_hit_ratio", "None yet.", registry=r).set(float("nan"))
Info("build", "The build.", registry=r).info({"version": "1.2"})
Enum("state", "The state.", states=["on", "off"], registry=r)
sys.stdout.write((openmetrics if sys.argv[1:] else exposition).generate_latest(r).decode())
END
python3 metrics.py | out openmetrics here_client.txt
python3 metrics.py openmetrics | out openmetrics here_client_openmetrics.txt

mkdir asv && cd asv && git init -q -b main . && git config user.name sample && git config user.email sample@example.invalid
mkdir benchmarks && : >benchmarks/__init__.py
cat >benchmarks/sample.py <<'END'
class Sorting:
    params = [[10, 1000], ["asc", "desc"]]
    param_names = ["n", "order"]
    def setup(self, n, order): self.l = list(range(n))[:: 1 if order == "asc" else -1]
    def time_sorted(self, n, order): sorted(self.l)
    def track_length(self, n, order): return len(self.l)
class One:
    params = [5, 10, 15]
    def time_fib(self, n):
        def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
        if n == 15: raise NotImplementedError("not this one")
        fib(n)
def time_split(): ("some words " * 100).split()
def mem_list(): return [0] * 1000
def peakmem_list(): [0] * 100000
def track_answer(): return 42
track_answer.unit = "answers"
def time_broken(): raise ValueError("it does not work")
END
cat >asv.conf.json <<'END'
{"version": 1, "project": "sample", "repo": ".", "branches": ["main"], "environment_type": "existing"}
END
git add -A && git commit -qm sample
asv machine --yes >/dev/null
asv run -E existing --quick --set-commit-hash "$(git rev-parse HEAD)" >run.txt 2>&1 || true
out python_asv here.txt <run.txt
asv run -E existing -a repeat=4 -a number=2 --record-samples --set-commit-hash "$(git rev-parse HEAD)" >run2.txt 2>&1 || true
out python_asv here_more.txt <run2.txt
for f in results/*/????????-*.json; do out python_asv here.json <"$f"; done

cd .. && mkdir asv2 && cd asv2 && git init -q -b main . && git config user.name sample && git config user.email sample@example.invalid
mkdir benchmarks && : >benchmarks/__init__.py
cat >benchmarks/sample.py <<'END2'
class Three:
    params = [[10, 1000], [1, 2], ["asc", "two  spaces", "a / b"]]
    param_names = ["n", "m", "order"]
    def setup(self, n, m, order):
        if m == 2 and n == 10: raise NotImplementedError()
    def time_three(self, n, m, order): sorted(range(n * m))
    def track_three(self, n, m, order): return n * m
    track_three.unit = "bytes"
class One:
    params = [10, 1000]
    def track_seconds(self, n): return n / 7
    track_seconds.unit = "seconds"
def TimeCamel(): sorted(range(10))
def track_none(): return float("nan")
def time_a_name_that_goes_over_the_width_of_the_terminal_as_they_do_in_large_suites(): pass
END2
cat >asv.conf.json <<'END2'
{"version": 1, "project": "sample", "repo": ".", "branches": ["main"], "environment_type": "virtualenv", "pythons": ["3.11"], "matrix": {"env": {"A": ["1", "2"]}},
 "build_command": ["python -c pass"], "install_command": ["python -c pass"], "uninstall_command": ["python -c pass"]}
END2
git add -A && git commit -qm one && git commit -qm two --allow-empty
asv machine --yes >/dev/null
COLUMNS=100 asv continuous --quick HEAD~1 HEAD >continuous.txt 2>&1 || true
out python_asv here_continuous.txt <continuous.txt
COLUMNS=60 LC_ALL=C PYTHONUTF8=0 PYTHONIOENCODING=ascii asv run --quick HEAD^! >narrow.txt 2>&1 || true
out python_asv here_narrow.txt <narrow.txt
for f in results/*/????????-*A1.json; do out python_asv here_three.json <"$f"; done
