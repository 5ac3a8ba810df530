#!/usr/bin/env bash
# Measure the figures of bench/README.md: medians of COUNT runs (default 5).
set -euo pipefail
cd "$(dirname "$0")/.."
count=${COUNT:-5}

median() { sort -n | awk '{a[NR]=$1} END {print (NR%2) ? a[(NR+1)/2] : (a[NR/2]+a[NR/2+1])/2}'; }

# gobench PACKAGE REGEXP prints each benchmark's median and unit; beside it, as far as it measures them, CPU time and the 99th percentile.
gobench() {
  go test -run '^$' -bench "$2" -benchtime "${BENCHTIME:-300ms}" -count "$count" ${CPUS:+-cpu "$CPUS"} "$1" | awk '
    /^Benchmark/ { name=$1; sub(/-[0-9]+$/, "", name)
      for (i = 3; i < NF; i += 2) if ($(i+1) ~ /^(ns\/op|MB\/s|cpu-ms\/op|p99-ms)$/) { k = name " " $(i+1); v[k] = v[k] " " $i } }
    END { for (k in v) { n = split(v[k], a, " "); asort_(a, n); m = (n % 2) ? a[(n+1)/2] : (a[n/2]+a[n/2+1])/2
            split(k, p, " "); if (p[2] == "ns/op") printf "  %-52s %12.3f ms\n", p[1], m/1e6
            else if (p[2] == "MB/s") printf "  %-52s %12.1f MB/s\n", p[1], m
            else printf "  %-52s %12.3f ms %s\n", p[1], m, (p[2] == "p99-ms") ? "p99" : "CPU" } }
    function asort_(a, n,   i, j, t) { for (i = 2; i <= n; i++) { t = a[i]+0; for (j = i-1; j > 0 && a[j]+0 > t; j--) a[j+1] = a[j]; a[j+1] = t } }' | sort
}

for database in sqlite postgres; do
  if [ "$database" = postgres ] && ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
    echo "on postgres: skipped, it is not installed (scripts/setup.sh)"
    continue
  fi
  export TACHO_TEST_DATABASE=$database
  echo "ingest of a report, on $database"
  gobench ./internal/server/report .
  echo "a commit that is new, a branch that starts at another one, on $database"
  gobench ./internal/server/series 'NewCommit|StartAt'
  echo "submit → claim in the process, on $database"
  gobench ./internal/server/job SubmitToClaim
  echo "a claim among the tasks of a sweep of 10 and of 1,000 slots, on $database"
  BENCHTIME=500x gobench ./internal/server/sweep Claims
  echo "pages and perf queries as history grows, on $database"
  gobench ./internal/server Growth
done
unset TACHO_TEST_DATABASE
echo "perf query, plot"
gobench ./internal/server 'Perf|Page'
gobench ./internal/server/explore .
gobench ./internal/server/chart .
echo "a sweep's plan, and its controller with 1,000 machines"
gobench ./internal/core/sweep Plan
gobench ./internal/cloud/controller Tick
echo "changes of a series"
gobench ./internal/core/change .
beside=$(gobench ./bench/accuracy/baseline Beside)
printf '%s\n' "$beside" | awk '{ print; v[$1] = $2 }
  END { n = split("stable changes", both, " ")
    for (i = 1; i <= n; i++) { k = "BenchmarkBeside/" both[i]; printf "  %-52s %12.2f ×\n", both[i] " : E-divisive", v[k "/tacho"] / v[k "/edivisive"] } }'
echo "adapters, on one core"
adapters=$(CPUS=1 gobench ./internal/core/adapter 'Parse/.*/named|Anchors|ManyLines|PassOver')
printf '%s\n' "$adapters" | grep MB/s
printf '%s\n' "$adapters" | awk '/MB\/s/ { v[$1] = $2 }
  END {
    n = split("json shell_hyperfine cpp_google java_jmh", both, " ")
    for (i = 1; i <= n; i++) printf "  %-52s %12.2f ×\n", both[i] " : encoding/json", v["BenchmarkParse/" both[i] "/named"] / v["BenchmarkAnchors/encoding_json/" both[i]]
    n = split("go_bench rust_bench jmeter gatling", both, " ")
    for (i = 1; i <= n; i++) printf "  %-52s %12.4f ×\n", both[i] " : a look at each line", v["BenchmarkParse/" both[i] "/named"] / v["BenchmarkAnchors/lines/" both[i]] }'
echo "submit → claim, idle runners"
go run ./bench/idle
if [ "$(id -u)" = 0 ] && command -v runc >/dev/null; then
  echo "container start"
  bench/start.sh
else
  echo "container start: skipped, needs root and runc"
fi
printf 'binary\n  %-52s %12.1f MB\n' "bin/tacho, stripped, $(go env GOOS)/$(go env GOARCH)" "$(wc -c <bin/tacho | awk '{print $1/1e6}')"
work=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
bin/tacho server --listen 127.0.0.1:0 --data "$work/data" --runtime-file "$work/rt.json" >/dev/null 2>&1 &
pid=$!
for _ in $(seq 100); do [ -s "$work/rt.json" ] && break; sleep 0.1; done
sleep 2
printf 'server at rest\n  %-52s %12.1f MB\n' "resident memory" "$(awk '/VmRSS/ {print $2/1e3}' "/proc/$pid/status")"
