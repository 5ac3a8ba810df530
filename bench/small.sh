#!/usr/bin/env bash
# How long adapters take for small outputs, beside another commit and beside encoding/json: BenchmarkSmall of both trees in turn, on one core.
# Of the rounds of each the least counts, as others' work only adds to a time.
#
#   bench/small.sh COMMIT [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/.."
commit=${1:?"bench/small.sh COMMIT [ROUNDS]: which commit to compare with"} rounds=${2:-5}
work=$(mktemp -d)
trap 'git worktree remove --force "$work/tree" 2>/dev/null || true; rm -rf "$work"' EXIT
git worktree add --quiet --detach "$work/tree" "$commit"
cp internal/core/adapter/small_test.go "$work/tree/internal/core/adapter/"
(cd "$work/tree" && go test -c -o "$work/then.test" ./internal/core/adapter)
go test -c -o "$work/now.test" ./internal/core/adapter
cd internal/core/adapter # whose outputs both read
for ((round = 1; round <= rounds; round++)); do
  order="then now"
  ((round % 2)) || order="now then"
  for tree in $order; do
    GOMAXPROCS=1 "$work/$tree.test" -test.run '^$' -test.bench '^BenchmarkSmall$' -test.benchtime 2ms -test.timeout 30m |
      awk -v tree="$tree" '/ns\/op/ { sub(/^BenchmarkSmall\//, "", $1); print tree, $1, $3 }' >>"$work/times" || true # what the other commit does not read is left out
  done
done
# Of each output by name, by magic and by encoding/json the least; then a ratio a line, its group first.
awk '{ key = $1 " " $2; if (!(key in least) || $3 < least[key]) least[key] = $3 }
  END {
    for (key in least) {
      split(key, part, " ")
      if (part[1] != "now" || part[2] !~ /\/(named|magic)$/) continue
      how = part[2]; sub(/.*\//, "", how)
      output = part[2]; sub(/\/[^\/]*$/, "", output)
      json = "now " output "/encoding_json"
      kind = json in least ? "JSON" : "text"
      if (("then " part[2]) in least) print kind ", " how ", then / now", least["then " part[2]] / least[key], output
      if (json in least) print kind ", " how ", encoding/json / now", least[json] / least[key], output
    }
  }' "$work/times" | sort | awk '{ n = NF; ratio = $(n - 1); group = $0; sub(/ [^ ]+ [^ ]+$/, "", group); print group "\t" ratio }' | sort -t "$(printf '\t')" -k1,1 -k2,2n |
  awk -F '\t' 'function show() { if (n) printf "%-34s %4d outputs  least %.2f  quartiles %.2f %.2f %.2f  most %.2f  below 1: %d\n", group, n, r[1], r[int((n + 3) / 4)], r[int((n + 1) / 2)], r[int((3 * n + 3) / 4)], r[n], slower }
    $1 != group { show(); group = $1; n = slower = 0 }
    { r[++n] = $2; slower += $2 < 1 }
    END { show() }'
