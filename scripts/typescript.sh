#!/usr/bin/env bash
# Installs and builds the TypeScript client and its example, as far as they are not up to date, and says nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

# build FOLDER FILE… builds a package unless it was built since its sources and the files changed.
build() {
  local folder=$1 built=$1/dist/.built begun
  if [ -e "$built" ] && [ -z "$(newer "$built" "$folder" "${@:2}")" ]; then return; fi
  begun=$(mktemp) # what changes while it is built is newer
  (
    cd "$folder"
    # npm writes the second when it has installed the first.
    [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --loglevel=error --no-progress >/dev/null
    npm run --silent build
  ) 2> >(grep -v '^npm warn' >&2)
  mv "$begun" "$built"
}

# newer BUILT FOLDER FILE… prints a file that is newer, if there is one.
newer() {
  find "$2" "${@:3}" \( -name node_modules -o -name dist -o -name dist-test -o -name generated \) -prune -o -type f -newer "$1" -print -quit
}

build client/typescript internal/httpapi/openapi/openapi.json
build examples/typescript client/typescript/dist/.built
