#!/usr/bin/env bash
# A sweep from end to end, on this machine: a server on loopback, three kinds of machine of which one does ten percent more work, ranked by
# what they measured. Machines are processes here; in a cloud the same command makes virtual ones. It costs nothing and leaves nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
tacho=$root/bin/tacho

bold() { if [ -t 1 ]; then printf '\033[1m%s\033[0m\n' "$*"; else printf '%s\n' "$*"; fi; }
say() { printf '\n'; bold "── $*"; }

work=$(mktemp -d "${TMPDIR:-/tmp}/tacho-sweep.XXXXXX")
chmod 0755 "$work" # the root of a sandbox passes through it
export TACHO_MACHINES=$work/machines
server_pid=''
cleanup() {
  code=$?
  if [ $code -ne 0 ]; then
    echo; echo "the demo failed; the ends of the logs:"; tail -n 15 "$work"/server.log "$work"/machines/local/*/log 2>/dev/null || true
  fi
  if [ -n "$server_pid" ] && [ "${begun:-}" ]; then "$tacho" sweep nuke demo --yes >/dev/null 2>&1 || true; fi # a demo that broke off
  [ -n "$server_pid" ] && kill -TERM "$server_pid" 2>/dev/null && wait "$server_pid" 2>/dev/null || true
  rm -rf "$work"
  exit $code
}
trap cleanup EXIT INT TERM

if ! command -v runc >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
  echo "demo-sweep: machines need runc and root here: apt-get install runc, then make demo-sweep as root" >&2
  exit 1
fi

say "1 · a server"
(umask 077 && : >"$work/server.out") # it gets the administrator's key
"$tacho" server --listen 127.0.0.1:0 --data "$work/data" --runtime-file "$work/server.json" >"$work/server.out" 2>"$work/server.log" &
server_pid=$!
for _ in $(seq 300); do
  [ -s "$work/server.json" ] && break
  kill -0 "$server_pid" 2>/dev/null || { cat "$work/server.log"; exit 1; }
  sleep 0.1
done
TACHO_HOST=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' "$work/server.json")
TACHO_KEY=$(sed -n 's/^ *admin key: *\(tacho_user_[A-Za-z0-9]*\).*/\1/p' "$work/server.out")
export TACHO_HOST TACHO_KEY TACHO_PROJECT=machines
echo "$TACHO_HOST"

say "2 · what runs on each machine: two small kernels that share no memory with neighbours, in an image on nothing"
CGO_ENABLED=0 go build -o "$work/tacho-suite" ./suites/tacho-suite
"$tacho" image push machines/tacho-suite:demo "$work/tacho-suite:/bin/tacho-suite" --env PATH=/bin --workdir /results

say "3 · the plan"
cat >"$work/sweep.yaml" <<YAML
hosts: 6        # machines of each type: the sample of every claim
repeats: 2      # processes on each, in a random order
ttl: 10m        # a machine ends by itself after this, whatever happens
workloads:
  - name: kernels
    image: tacho-suite:demo
    cmd: [tacho-suite, --seconds=1, "--only=integer,float", --effect=process.slow=1.1]
    adapter: go_bench
    timeout: 15s
    expect: 3s
targets:
  - provider: local
    types: [process.one, process.two, process.slow]
YAML
"$tacho" sweep plan -c "$work/sweep.yaml"

say "4 · the sweep"
begun=yes
"$tacho" sweep run -c "$work/sweep.yaml" --id demo --on-interrupt nuke --json >"$work/result.json" </dev/null
begun=''
grep -q '"outcome":"completed","clean":true' "$work/result.json" || { cat "$work/result.json"; exit 1; }

say "5 · the ranks, as ranges: what the machines cannot separate is not ranked"
"$tacho" sweep report demo | tee "$work/report.txt"
if grep -qE '^ *3 +process\.slow ' "$work/report.txt"; then
  echo "the kind that does ten percent more work is last, and the two equal ones share ranks 1 and 2"
else
  echo "other work kept this machine busy: ten percent do not stand out from that, so no order is claimed"
fi
"$tacho" sweep report demo --html "$work/report.html"
"$tacho" sweep fetch demo -o "$work/results"
echo "and as one page of $(wc -c <"$work/report.html") bytes, beside what $(find "$work/results" -name metadata.json | wc -l) tasks left"

say "6 · nothing is left"
if pgrep -f "$work/machines" >/dev/null; then echo "demo-sweep: processes of machines are left"; exit 1; fi
echo "36 of 36 tasks done, 18 of 18 machines gone, no process left"
