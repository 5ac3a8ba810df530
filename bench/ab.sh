#!/usr/bin/env bash
# What a comparison in turns adds to the runs: CPU time of 'tacho run --ab' with 40 pairs, of it and its children, beside a plain loop over
# the same 80 commands. Both by turns, medians of the rounds. The command computes for a few milliseconds and prints one benchmark.
#
#   bench/ab.sh [TACHO [ROUNDS]]
set -euo pipefail
tacho=$(realpath "${1:-bin/tacho}") rounds=${2:-7} pairs=40
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
git init -q . && git -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m one
cat >spin.sh <<'SPIN'
t=$(awk 'BEGIN { for (i = 0; i < 300000; i++) x += i * i; print 100 + x % 3 }')
echo "BenchmarkSpin-2 1000 $t ns/op"
SPIN
loop() { for ((i = 0; i < 2 * pairs; i++)); do sh "$work/spin.sh" >/dev/null; done; }
turns() { "$tacho" run -q --ab "$1" --ab "$2" --min-pairs $pairs --max-pairs $pairs "${@:3}" >/dev/null || [ $? = 12 ]; }
cpu() { # seconds of CPU time of a command and its children
  local TIMEFORMAT='%U %S'
  { time "$@" 2>/dev/null; } 2>&1 | awk '{ s += $1 + $2 } END { print s }'
}
for ((round = 0; round < rounds; round++)); do
  cpu loop >>loop
  cpu turns "sh $work/spin.sh" "sh $work/spin.sh" >>commands
  cpu turns HEAD HEAD sh "$work/spin.sh" >>references
done
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
plain=$(median loop)
printf 'plain loop of %d runs: %.3f s of CPU time, %.2f ms a run\n' $((2 * pairs)) "$plain" \
  "$(awk "BEGIN { print 1000 * $plain / (2 * $pairs) }")"
for what in commands references; do
  awk -v what=$what -v a="$(median $what)" -v b="$plain" -v n=$((2 * pairs)) \
    'BEGIN { printf "--ab with %s: %.3f s, %.3f of the loop, %+.2f ms a run\n", what, a, a / b, 1000 * (a - b) / n }'
done
