#!/usr/bin/env bash
# Install the programs that the demo and the tests use for real: a container runtime, foreign registry clients, a browser, PostgreSQL.
# Does it by itself on Debian as root; elsewhere it says what is missing. Never fails: what is absent is skipped by its test, with a line.
set -u
declare -A package=([runc]=runc [skopeo]=skopeo [podman]=podman [chromium]=chromium [git]=git)
missing=()
for program in "${!package[@]}"; do
  command -v "$program" >/dev/null 2>&1 || missing+=("${package[$program]}")
done
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
command -v go >/dev/null 2>&1 || { echo "setup: Go 1.26 or newer is needed" >&2; exit 1; }
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "setup: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 ||
    { tail -5 "$log"; echo "setup: could not install ${missing[*]}; the tests that need them will say that they skip" >&2; }
  rm -f "$log"
else
  echo "setup: not installed: ${missing[*]} (as root on Debian this is done for you)" >&2
fi
exit 0
