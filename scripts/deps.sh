#!/usr/bin/env bash
# Makes sure the named programs are on this machine, installing what is missing with
# its package manager. Servers that come with a package are left stopped: Presswork
# starts private ones of its own.
#
#   scripts/deps.sh postgresql redis cc node   all four are needed (and chromium, python and spamassassin, for make test)
#   scripts/deps.sh postgresql -o redis        redis is wanted, but do without it
#
# Everything it says goes to stderr. It reads no input; sudo may ask at a terminal.
set -euo pipefail

readonly postgres_min=15
readonly node_min=20
readonly node_version=20.20.2 # where the package manager's is older
undo=() # files to remove on exit

say() { echo "deps: $*" >&2; }

cleanup() {
  local file
  for file in ${undo[@]+"${undo[@]}"}; do as_root rm -f "$file"; done
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- what is here ---------------------------------------------------------

# Where initdb and postgres are, as internal/devstack looks for them: PATH, then the usual places.
postgres_dirs() {
  local dir
  if command -v initdb >/dev/null; then dirname "$(readlink -f "$(command -v initdb)")"; fi
  for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin \
    /usr/local/opt/postgresql@*/bin /Applications/Postgres.app/Contents/Versions/*/bin; do
    [ ! -x "$dir/initdb" ] || echo "$dir"
  done
}

have_postgresql() {
  local dir version
  while read -r dir; do
    version=$("$dir/postgres" --version 2>/dev/null | sed -n 's/.* \([0-9][0-9]*\)[.0-9a-z]*.*/\1/p') || continue
    [ "${version:-0}" -ge "$postgres_min" ] && return 0
  done < <(postgres_dirs)
  return 1
}

have_redis() { command -v redis-server >/dev/null || command -v valkey-server >/dev/null; }

# The race detector needs a C compiler and the C library's headers.
have_cc() {
  local cc=${CC:-gcc}
  command -v "$cc" >/dev/null || cc=clang
  command -v "$cc" >/dev/null && echo '#include <stdlib.h>' | "$cc" -E - >/dev/null 2>&1
}

have_node() {
  local version
  version=$(node --version 2>/dev/null) || return 1
  version=${version#v}
  [ "${version%%.*}" -ge "$node_min" ] && command -v npm >/dev/null
}

# The browser that the tests of pages drive.
have_chromium() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }

# Others' programs that read our mail in the tests: Python's parser, and a spam filter.
have_python() { command -v python3 >/dev/null; }
have_spamassassin() { command -v spamassassin >/dev/null; }

# --- how to install -------------------------------------------------------

can_be_root() {
  [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null || { [ -t 2 ] && command -v sudo >/dev/null; }
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

manager() {
  local name
  for name in apt-get dnf apk pacman brew; do
    if command -v "$name" >/dev/null; then echo "$name" && return; fi
  done
  echo none
}

# packages prints what manager $1 calls the program $2.
packages() {
  case $1:$2 in
    apt-get:postgresql) echo postgresql ;;
    apt-get:redis) echo redis-server ;;
    apt-get:cc) echo gcc libc6-dev ;;
    apt-get:node | dnf:node | apk:node | pacman:node) missing_of node npm ;;
    dnf:postgresql) echo postgresql-server ;;
    dnf:redis) echo redis ;;
    dnf:cc) echo gcc glibc-devel ;;
    apk:postgresql | pacman:postgresql) echo postgresql ;;
    apk:redis | pacman:redis | brew:redis) echo redis ;;
    apk:cc) echo gcc musl-dev ;;
    pacman:cc) echo gcc ;;
    brew:postgresql) echo postgresql@17 ;;
    brew:cc) echo llvm ;;
    *:chromium) echo chromium ;;
    pacman:python | brew:python) echo python ;;
    *:python) echo python3 ;;
    *:spamassassin) echo spamassassin ;;
    brew:node) echo node ;;
  esac
}

# missing_of prints those of the programs that are not here: who has Node of another source has an npm that goes with it.
missing_of() {
  local name
  for name in "$@"; do command -v "$name" >/dev/null || echo "$name"; done | sed s/^node$/nodejs/ | tr '\n' ' '
}

# retry runs a command up to three times: mirrors and networks have hiccups.
retry() {
  local try
  for try in 1 2 3; do
    "$@" && return 0
    [ "$try" -eq 3 ] || { say "failed, trying again: $*" && sleep $((try * 3)); }
  done
  return 1
}

# quiet_services keeps Debian's packages from starting a server or making a database
# cluster of their own while we install. A policy that is already there is the owner's.
quiet_services() {
  local policy=/usr/sbin/policy-rc.d
  local cluster=/etc/postgresql-common/createcluster.d/presswork.conf
  if [ ! -e "$policy" ]; then
    undo+=("$policy")
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  if [ ! -e "$cluster" ]; then
    undo+=("$cluster")
    as_root mkdir -p "${cluster%/*}"
    echo 'create_main_cluster = false' | as_root tee "$cluster" >/dev/null
  fi
}

apt_install() {
  local options=(-o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 -qq)
  quiet_services || return 1
  retry as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" update ||
    say "going on with the package lists that are here"
  retry as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get "${options[@]}" install -y --no-install-recommends "$@"
}

install() {
  local manager
  manager=$(manager)
  if [ "$manager" = none ]; then say "no package manager that I know" && return 1; fi
  if [ "$manager" != brew ] && ! can_be_root; then say "neither root nor sudo" && return 1; fi
  case $manager in
    apt-get) apt_install "$@" ;;
    dnf) retry as_root dnf install -y -q "$@" ;;
    apk) retry as_root apk add --no-cache "$@" ;;
    pacman) retry as_root pacman -Sy --noconfirm --needed "$@" ;;
    brew) retry brew install "$@" ;; # refuses root
  esac </dev/null >&2
}

# newer_node puts a Node that is new enough before the package manager's: Debian 12 and Ubuntu 24.04 have version 18.
newer_node() {
  say "installing node $node_version with npm"
  retry as_root npm install --global --no-fund --no-audit --loglevel=error "node@$node_version" </dev/null >&2
  hash -r
}

# --- what is asked --------------------------------------------------------

by_hand() {
  case $1 in
    postgresql) echo "PostgreSQL $postgres_min or newer with initdb (Debian: postgresql), on PATH or in /usr/lib/postgresql/*/bin" ;;
    redis) echo "Redis 7.0 or newer (Debian: redis-server), on PATH" ;;
    node) echo "Node.js $node_min or newer with npm (Debian 13: nodejs npm), on PATH" ;;
    cc) echo "a C compiler and the C library's headers (Debian: gcc libc6-dev), for the race detector" ;;
    python) echo "Python 3 (Debian: python3), on PATH, for the tests of mail" ;;
    spamassassin) echo "SpamAssassin (Debian: spamassassin), on PATH, for the tests of mail" ;;
    chromium) echo "Chromium (Debian: chromium), on PATH, for the tests of pages" ;;
  esac
}

main() {
  local missing=() wanted=() optional=" " name failed=0
  while [ $# -gt 0 ]; do
    case $1 in
      -o) optional+="$2 " && wanted+=("$2") && shift ;;
      postgresql | redis | cc | node | chromium | python | spamassassin) wanted+=("$1") ;;
      *) say "unknown program: $1" && exit 2 ;;
    esac
    shift
  done

  for name in "${wanted[@]}"; do "have_$name" || missing+=("$name"); done
  [ ${#missing[@]} -gt 0 ] || return 0

  local names=()
  for name in "${missing[@]}"; do
    local more=()
    read -ra more < <(packages "$(manager)" "$name") || true
    names+=(${more[@]+"${more[@]}"})
  done
  if [ ${#names[@]} -gt 0 ]; then # none are known, or what there is is too old
    say "installing ${names[*]} with $(manager)"
    install "${names[@]}" || say "nothing could be installed"
  fi
  case " ${missing[*]} " in
    *" node "*) have_node || ! command -v npm >/dev/null || newer_node || say "nothing newer could be installed" ;;
  esac

  for name in "${missing[@]}"; do
    "have_$name" && continue
    case $optional in
      *" $name "*) say "going on without $(by_hand "$name")" ;;
      *) say "please install $(by_hand "$name")" && failed=1 ;;
    esac
  done
  return "$failed"
}

main "$@"
