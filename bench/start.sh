#!/usr/bin/env bash
# Container start: how long from claimed to the command's first instruction, over JOBS jobs (default 20) through server, runner and runc.
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=${JOBS:-20}
work=$(mktemp -d)
server='' runner=''
cleanup() {
  for p in $runner $server; do kill -TERM "$p" 2>/dev/null && wait "$p" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
bin/tacho server --listen 127.0.0.1:0 --data "$work/data" --runtime-file "$work/rt.json" >"$work/out" 2>"$work/log" &
server=$!
for _ in $(seq 100); do [ -s "$work/rt.json" ] && break; sleep 0.1; done
TACHO_HOST=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' "$work/rt.json")
TACHO_KEY=$(sed -n 's/^ *admin key: *\(tacho_user_[A-Za-z0-9]*\).*/\1/p' "$work/out")
export TACHO_HOST TACHO_KEY
bin/tacho runner create box --spec default --key-file "$work/key" >/dev/null 2>&1
env -u TACHO_KEY bin/tacho runner up --runner box --key-file "$work/key" --state-dir "$work/state" >/dev/null 2>"$work/runner.log" &
runner=$!
CGO_ENABLED=0 go build -o "$work/emit" ./e2e/testdata/emit
bin/tacho image push start/emit:v1 "$work/emit:/emit" --entrypoint /emit >/dev/null 2>&1
for _ in $(seq "$jobs"); do
  bin/tacho run --project start --branch main --image emit:v1 --adapter json --cmd 1 --quiet >/dev/null 2>&1
done
bin/tacho job list start --per-page 100 --json | python3 -c '
import datetime, json, statistics, sys
jobs = json.load(sys.stdin)
jobs = jobs if isinstance(jobs, list) else jobs["jobs"]
def at(t): return datetime.datetime.fromisoformat(t.replace("Z", "+00:00"))
ms = sorted((at(j["started"]) - at(j["claimed"])).total_seconds() * 1000 for j in jobs if j["status"] == "processed")
all_ms = sorted((at(j["completed"]) - at(j["claimed"])).total_seconds() * 1000 for j in jobs if j["status"] == "processed")
print("  %-52s %12.1f ms" % ("claimed -> started, median of %d" % len(ms), statistics.median(ms)))
print("  %-52s %12.1f ms" % ("claimed -> completed (a 1 ms benchmark), median", statistics.median(all_ms)))
'
