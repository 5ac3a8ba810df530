#!/usr/bin/env bash
# The whole road, on this machine: a server and a runner on loopback, a real Go benchmark in an image, commit A until thresholds have a
# history, then commit B with a worse algorithm. Ends with the report, the alert and the page's address. DEMO_KEEP=1 leaves it up.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
tacho=$root/bin/tacho
runs=${DEMO_RUNS:-6} # reports of commit A: what the t-test then knows

bold() { if [ -t 1 ]; then printf '\033[1m%s\033[0m\n' "$*"; else printf '%s\n' "$*"; fi; }
say() { printf '\n'; bold "── $*"; }

work=$(mktemp -d "${TMPDIR:-/tmp}/tacho-demo.XXXXXX")
server_pid='' runner_pid=''
cleanup() {
  code=$?
  if [ $code -ne 0 ]; then
    echo; echo "the demo failed; the ends of the logs:"; tail -n 15 "$work"/server.log "$work"/runner.log 2>/dev/null || true
  fi
  [ -n "$runner_pid" ] && kill -TERM "$runner_pid" 2>/dev/null && wait "$runner_pid" 2>/dev/null || true
  [ -n "$server_pid" ] && kill -TERM "$server_pid" 2>/dev/null && wait "$server_pid" 2>/dev/null || true
  rm -rf "$work"
  exit $code
}
trap cleanup EXIT INT TERM

if ! command -v runc >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
  echo "demo: the runner needs runc and root here: apt-get install runc, then make demo as root" >&2
  exit 1
fi

say "1 · a server: SQLite and a folder, nothing to configure"
"$tacho" server --listen 127.0.0.1:0 --data "$work/data" --runtime-file "$work/server.json" >"$work/server.out" 2>"$work/server.log" &
server_pid=$!
for _ in $(seq 150); do
  [ -s "$work/server.json" ] && break
  kill -0 "$server_pid" 2>/dev/null || { cat "$work/server.log"; exit 1; }
  sleep 0.1
done
TACHO_HOST=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' "$work/server.json")
TACHO_KEY=$(sed -n 's/^ *admin key: *\(tacho_user_[A-Za-z0-9]*\).*/\1/p' "$work/server.out")
export TACHO_HOST TACHO_KEY
echo "$TACHO_HOST"

say "2 · a runner on this machine"
"$tacho" runner create demo-box --spec default --key-file "$work/runner.key"
env -u TACHO_KEY "$tacho" runner up --runner demo-box --key-file "$work/runner.key" --state-dir "$work/runner" >"$work/runner.out" 2>"$work/runner.log" &
runner_pid=$!

say "3 · commit A: three functions over a text, and their benchmarks"
mkdir "$work/repo" && cd "$work/repo"
git init -q -b main . && git config user.name demo && git config user.email demo@example.invalid
cp "$root"/examples/words/{words,distinct,words_test}.go .
printf 'module example.org/words\n\ngo 1.26\n' >go.mod
git add -A && git commit -qm 'A: count distinct words with a map'
build() { # builds the test binary into an image, without a container engine, and pushes it
  CGO_ENABLED=0 go test -c -o "$work/bench" . && "$tacho" image push "words/bench:$1" "$work/bench:/bench" --entrypoint /bench
}
measure() { # measures the image of the current commit
  "$tacho" run --project words --image "bench:$1" --adapter go_bench \
    --cmd -test.run='^$' --cmd -test.bench=. --cmd -test.benchtime=60ms --cmd -test.count=5 --timeout 60 \
    --threshold-measure latency --threshold-test t_test --threshold-min-sample-size 5 --threshold-max-sample-size 64 --threshold-upper-boundary 0.999 \
    "${@:2}"
}
build a

say "4 · $runs runs of commit A, so that the t-test has a history"
for i in $(seq "$runs"); do
  measure a --quiet >"$work/run.$i" 2>&1 || { cat "$work/run.$i"; exit 1; }
  printf '  run %d: processed\n' "$i"
done

say "5 · commit B: \"saves the map\", compares each word with all others"
cp "$root/examples/words/slower/distinct.go.txt" distinct.go
git commit -qam 'B: keep distinct words in a list'
git --no-pager show --stat --format='%h %s' HEAD
build b

say "6 · measure commit B, and fail on alert as CI would"
code=0
measure b --error-on-alert | tee "$work/run.b" || code=$?
[ "$code" = 3 ] || { echo "demo: expected exit code 3 (alert), got $code"; exit 1; }
grep -q 'BenchmarkDistinct' "$work/run.b" || { echo "demo: the alert does not name the slower benchmark"; exit 1; }

say "caught: exit code $code, the slower benchmark is named above"
url=$(grep -oE "$TACHO_HOST/projects/words/reports/[0-9a-f-]+" "$work/run.b" | head -1)
echo "report  ${url:-?}"
echo "plots   $TACHO_HOST/projects/words"
if [ "${DEMO_KEEP:-}" = 1 ]; then
  say "the dashboard stays up at $TACHO_HOST (Ctrl-C ends it)"
  wait "$server_pid"
fi
