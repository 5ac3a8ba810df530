#!/bin/sh
# Makes the fixtures of LLVM's LNT by running it: a report of `lnt importreport`, and one of the older format, which its library writes.
# Needs python3 with venv.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv && venv/bin/pip -q install llvm-lnt==0.4.20
cat >results.txt <<'END'
foo.execution_time 25
foo.execution_time 26
foo.execution_status 0
bar.score 24.2
bar/baz.code_size 110.0
bad.execution_time 0.5
bad.execution_status 1
bad.compile_time 2
END
venv/bin/lnt importreport --machine=host --order=1234 --testsuite=nts results.txt "$here/lnt/here.json" 2>/dev/null
cat >old.py <<'END'
import lnt.testing as t
machine = t.Machine("host", {"os": "linux"}, report_version=1)
run = t.Run("2026-01-01 00:00:00", "2026-01-01 00:01:00", {"tag": "nts", "run_order": "1234"}, report_version=1)
tests = [
    t.TestSamples("nts.dir/a.exec", [0.5, 0.75]), t.TestSamples("nts.dir/a.exec.status", [t.PASS]), t.TestSamples("nts.dir/a.compile", [2.0]),
    t.TestSamples("nts.dir/b.exec.status", [t.FAIL]), t.TestSamples("nts.dir/b.compile", [1.0]), t.TestSamples("nts.dir/a.hash", ["abc"], conv_f=str),
]
print(t.Report(machine, run, tests, report_version=1).render(indent=1))
END
venv/bin/python old.py 2>/dev/null >"$here/lnt/here-old.json"
