#!/usr/bin/env bash
# Run all tests, then list what was skipped and why.
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
go test -json "$@" ./... >"$log"
code=$?
go run ./scripts/testsummary <"$log"
exit $code
