#!/bin/sh
# guest.sh URL KEY PROVIDER TYPE COMMAND...: a task runner of its own kind, with sh, sed, tar and curl. It claims tasks until there are
# none, runs COMMAND for each, which leaves its results in the folder that it is started in, and hands them over.
set -eu
url=$1 key=$2 provider=$3 type=$4
shift 4
me=$(uname -n)-$(date +%s)-$$
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# post PATH JSON: prints the answer; fails if it is not a success.
post() {
    curl -sS --fail-with-body --retry 5 --retry-connrefused -X POST "$url$1" -H "Authorization: Bearer $key" \
        -H 'Content-Type: application/json' -d "$2"
}

# field NAME: the text or number of that name in the JSON on stdin.
field() { sed -n 's/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/p' | sed 's/\\u0026/\&/g'; }

upload() { curl -sS --fail --retry 5 -X PUT "$1" -H 'Content-Type: application/gzip' --data-binary "@$2" >/dev/null; }

while :; do
    answer=$(post /tasks/claim "{\"provider\":\"$provider\",\"instance_type\":\"$type\",\"runner_id\":\"$me\"}")
    case $(printf %s "$answer" | sed -n 's/^{"status":"\([a-z]*\)".*/\1/p') in
    done) exit 0 ;;
    wait) sleep "$(printf %s "$answer" | field retry_after_seconds)"; continue ;;
    assigned) ;;
    *) echo "not understood: $answer" >&2; exit 1 ;;
    esac
    task=$(printf %s "$answer" | sed -n 's/.*"task":{"id":"\([^"]*\)".*/\1/p')
    echo "task $task"
    rm -rf "$work/task" && mkdir "$work/task"
    (while post "/tasks/$task/heartbeat" "{\"runner_id\":\"$me\",\"status\":\"running\"}"; do sleep 30; done) >/dev/null 2>&1 &
    beat=$!
    status=0
    (cd "$work/task" && "$@" >output.txt 2>error.txt) || status=$?
    { kill "$beat" && wait "$beat"; } 2>/dev/null || :
    tar -C "$work/task" -czf "$work/task.tar.gz" .
    if [ "$status" = 0 ]; then
        upload "$(printf %s "$answer" | field result_upload_url)" "$work/task.tar.gz"
        post "/tasks/$task/complete" "{\"runner_id\":\"$me\",\"s3_result_key\":\"$(printf %s "$answer" | field result_key)\"}" >/dev/null
    else
        upload "$(printf %s "$answer" | field error_upload_url)" "$work/task.tar.gz"
        post "/tasks/$task/fail" "{\"runner_id\":\"$me\",\"error_type\":\"benchmark_failed\",\"error_message\":\"exit status $status\",
            \"s3_error_key\":\"$(printf %s "$answer" | field error_key)\"}" >/dev/null
    fi
done
