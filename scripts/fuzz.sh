#!/usr/bin/env bash
# Run every fuzz target of the module for the given time (default 1m), one after the other. Ends at the first find.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-1m}
grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r dir; do
  for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go | sed 's/^func //'); do
    echo "fuzz $dir $target for $time"
    # Making each interesting input smaller takes a minute by default, which would be all of the time.
    go test "$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1x | tail -2
  done
done
