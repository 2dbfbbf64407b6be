#!/usr/bin/env bash
# Fuzzes every target for a while each: scripts/fuzz.sh TIME [PACKAGES]
# With --list in place of the time it names them: a folder and a target on each line.
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:?time for each target, as in 60s}
shift
[ $# -gt 0 ] || set -- ./...

failed=0
while read -r dir; do
  while read -r target; do
    if [ "$time" = --list ]; then
      echo "${dir#"$PWD"/} $target"
      continue
    fi
    echo "--- $target in ${dir#"$PWD"/}"
    # A finding is written to testdata/fuzz, to be committed with its fix; the others are fuzzed all the same.
    go test -run='^$' -fuzz="^$target\$" -fuzztime="$time" "$dir" </dev/null || failed=1
  done < <(cat "$dir"/*_test.go | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p')
done < <(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' "$@" | sed '/^$/d')
exit "$failed"
