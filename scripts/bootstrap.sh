#!/bin/sh
# Gets a bare clone ready to run: dependencies, build, nats-server. Called before `npm start`, `npm test` and the like; when nothing
# has changed it takes some tens of milliseconds. What it says goes to stderr, so that stdout stays the command's own.
#
# usage: bootstrap.sh [--test]
#   --test  also what the tests need: nats-server 2.10 beside the newest, shellcheck, Redis, openssl, GnuTLS, promtool, libfaketime, Go's verdicts
set -eu

cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "$@"
  exit 1
}

# Runs a command without its output, which is shown when it fails.
quietly() {
  if output=$("$@" 2>&1); then return; fi
  printf '%s\n' "$output" >&2
  return 1
}

hash_of_lock() { sha256sum <package-lock.json | cut -c 1-64; }

hash_of_sources() {
  {
    find . \( -name node_modules -o -name dist -o -name test -o -name '.?*' \) -prune -o -type f -name '*.ts' ! -name '*.spec.ts' -exec sha256sum {} +
    sha256sum tsconfig.json nest-cli.json package-lock.json agent/build.mjs agent/package.json libs/contracts/*.proto
  } | LC_ALL=C sort | sha256sum | cut -c 1-64
}

installed=node_modules/.bootstrap-lock
built=dist/.bootstrap-sources

is_stamped() { [ -f "$1" ] && read -r stamp <"$1" && [ "$stamp" = "$2" ]; }

# Somebody's own `npm install` leaves no stamp, but npm's record of it is newer than the lock file.
is_installed() {
  is_stamped "$installed" "$1" || {
    [ -n "$(find node_modules/.package-lock.json -newer package-lock.json 2>/dev/null)" ] && printf '%s\n' "$1" >"$installed"
  }
}

install_dependencies() {
  lock=$(hash_of_lock)
  if is_installed "$lock"; then return; fi
  major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p')
  if [ "${major:-0}" -lt 20 ] || ! command -v npm >/dev/null; then
    fail "Node 20 or newer with npm is needed to install the dependencies (found: Node ${major:-none})."
  fi
  if [ "${NODE_ENV:-}" = production ]; then
    if [ -d node_modules ]; then say 'node_modules differs from package-lock.json; NODE_ENV is production, so it is left as it is.' && return; fi
    fail 'node_modules is missing, and nothing is installed at start when NODE_ENV is production. Run: npm install --include=dev && npm run build'
  fi
  say 'Installing the dependencies (npm install); this takes a minute'
  # Not `npm ci`: it refuses a lock file that lacks the optional packages of other platforms, which some registries do not have.
  # The install scripts of `node` and of the embedded PostgreSQL are needed; the others need not report anything.
  SCARF_ANALYTICS=false quietly npm install --no-save --include=dev --include=optional --ignore-scripts=false \
    --prefer-offline --no-audit --no-fund --loglevel=error ||
    fail 'npm install failed (see above). The first start needs the package registry; later ones work offline.'
  printf '%s\n' "$lock" >"$installed"
}

build() {
  sources=$(hash_of_sources)
  if is_stamped "$built" "$sources"; then return; fi
  if [ "${NODE_ENV:-}" = production ]; then
    if [ -f dist/src/main.js ]; then say 'dist was built from other sources; NODE_ENV is production, so it is left as it is.' && return; fi
    fail 'dist is missing, and nothing is built at start when NODE_ENV is production. Run: npm install --include=dev && npm run build'
  fi
  say 'Building (nest build)'
  quietly nest build || fail 'The build failed (see above).'
  quietly node agent/build.mjs || fail 'The build of the agent failed (see above).'
  printf '%s\n' "$sources" >"$built"
}

# Unpacks Debian's package $2 of the machine's release into .cache/$1.
unpack() {
  codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null || true)
  say "Fetching $1 from Debian ${codename:-stable} into .cache/$1"
  sh scripts/debian-package.sh "$2" "${codename:-stable}" ".cache/$1"
}

# Makes sure of the tool $1 of the tests', as Debian's package of that name, or $4, has it at $2. `npm test` has .cache/bin on its PATH.
provide() {
  if command -v "$1" >/dev/null || [ -x ".cache/bin/$1" ]; then return; fi
  if unpack "$1" "${4:-$1}" && ".cache/$1/$2" "$3" >/dev/null; then
    mkdir -p .cache/bin
    ln -sf "../$1/$2" ".cache/bin/$1"
  else
    fail "The tests need $1, which could not be fetched. Install ${4:-$1} with the system's packages."
  fi
}

# A library that gives a process another time: .cache/bin/libfaketime.so.
provide_faketime() {
  [ ! -e .cache/bin/libfaketime.so ] || return 0
  unpack libfaketime libfaketime || fail 'The tests need libfaketime, which could not be fetched.'
  mkdir -p .cache/bin
  (cd .cache/bin && ln -sf ../libfaketime/usr/lib/*/faketime/libfaketimeMT.so.1 libfaketime.so)
  [ -e .cache/bin/libfaketime.so ] || fail "Debian's libfaketime has no libfaketimeMT.so.1."
}

provide_test_tools() {
  provide shellcheck usr/bin/shellcheck --version
  provide busybox bin/busybox true
  provide certtool usr/bin/certtool --version gnutls-bin
  provide promtool usr/bin/promtool --version prometheus
  provide_faketime
  sh scripts/go-verify.sh
  sh scripts/redis-server.sh --version >/dev/null
  for tool in openssl curl tar sha256sum; do
    command -v "$tool" >/dev/null || fail "The tests need $tool. Install it with the system's packages."
  done
}

PATH=$PWD/node_modules/.bin:$PATH
export PATH

# One at a time in a clone. The kernel frees the lock when its holder ends, however it ends.
mkdir -p .cache
exec 8>.cache/bootstrap.lock
if command -v flock >/dev/null && ! flock -n 8; then
  say 'Waiting for another start that is installing or building'
  flock 8
fi

install_dependencies
build
case ${1:-} in
  --test)
    sh scripts/nats-server.sh latest 2.10
    provide_test_tools
    ;;
  '') [ -n "${NATS_URL:-}" ] || sh scripts/nats-server.sh latest ;;
  *) fail 'usage: bootstrap.sh [--test]' ;;
esac
