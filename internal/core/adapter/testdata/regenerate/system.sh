#!/bin/sh
# Makes the fixtures of perf stat, GNU time and the time of shells and of busybox, and of Prometheus's text format, by running them. Needs perf, GNU time, bash, zsh, busybox and the program tacho (TACHO names it).
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
out() { mkdir -p "$here/$1" && cat >"$here/$1/$2"; }
events=task-clock,context-switches,page-faults,instructions,cycles
perf stat -r 3 -e $events -o text sort -R /etc/services >/dev/null
perf stat -x, -r 3 -e $events -o csv sort -R /etc/services >/dev/null
perf stat -x';' -e $events -o semicolon sort /etc/services >/dev/null
perf stat -j -r 3 -e $events -o json sort -R /etc/services >/dev/null
perf stat -r 3 --table -e $events -o table sort -R /etc/services >/dev/null
perf stat -I 50 --summary -e $events -o intervals sleep 0.12
perf stat -a -A -x, -e cpu-clock,context-switches -o cpus sleep 0.1
perf stat -a --per-core -j -e cpu-clock,context-switches -o cores sleep 0.1
out perf_stat here.txt <text
out perf_stat here.csv <csv
out perf_stat here_semicolon.csv <semicolon
out perf_stat here.ndjson <json
out perf_stat here_table.txt <table
out perf_stat here_intervals.txt <intervals
out perf_stat here_cpus.csv <cpus
out perf_stat here_cores.ndjson <cores
/usr/bin/time -v sort -R /etc/services 2>verbose >/dev/null
/usr/bin/time -v false 2>failed || true
cat failed >>verbose
/usr/bin/time sort /etc/services 2>plain >/dev/null
/usr/bin/time -p sort /etc/services 2>posix >/dev/null
bash -c 'for i in 1 2 3; do time sort /etc/services >/dev/null; done' 2>builtin
{ /usr/bin/time sort /etc/services >/dev/null; /usr/bin/time sh -c 'kill -9 $$' || true; } 2>killed
zsh -f -c 'for i in 1 2; do time sort /etc/services >/dev/null; done; time sleep 1.2' 2>zsh
busybox time -v sh -c 'kill -9 $$' 2>busybox || true
busybox time sort /etc/services 2>>busybox >/dev/null
out gnu_time here.txt <verbose
out gnu_time here_plain.txt <plain
out gnu_time here_posix.txt <posix
out gnu_time here_builtin.txt <builtin
out gnu_time here_killed.txt <killed
out gnu_time here_zsh.txt <zsh
out gnu_time here_busybox.txt <busybox
"${TACHO:-tacho}" server --listen 127.0.0.1:18099 --data data >/dev/null 2>&1 & pid=$!
sleep 2
curl -s http://127.0.0.1:18099/metrics | head -120 | out openmetrics here.txt
kill $pid
