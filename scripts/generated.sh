#!/usr/bin/env bash
# Fails if `go generate` would change a file, committed or not, and says which.
set -euo pipefail
cd "$(dirname "$0")/.."

# Path and checksum of every file that git knows or would take.
state() {
  # shellcheck disable=SC2016 # for the inner shell
  git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
    sort -zu | xargs -0 sh -c 'for f; do [ ! -f "$f" ] || sha256sum "$f"; done' sh
}

before=$(state)
go generate ./...
after=$(state)
if [ "$before" != "$after" ]; then
  echo "generated files were not up to date; they are now:" >&2
  diff <(echo "$before") <(echo "$after") | sed -n 's/^[<>] [0-9a-f]*  /  /p' | sort -u >&2
  exit 1
fi
