#!/bin/sh
# Makes sure of .cache/nats-server/<edition>/usr/sbin/nats-server.
#
# usage: nats-server.sh [latest|2.10]...
#   latest  $NATS_SERVER if set, else the one on the PATH if it is 2.10 or newer, else Debian sid's
#   2.10    Debian trixie's, the oldest version that is supported
# exit: 0 all are there, 1 one is not, with a sentence that says what to do
set -eu

cd "$(dirname "$0")/.."
cache=.cache/nats-server

say() { printf '%s\n' "$*" >&2; }

# Prints the version, or nothing if the file is no nats-server.
version_of() { "$1" --version 2>/dev/null | sed -n 's/^nats-server: v\([0-9][0-9.]*\).*/\1/p'; }

is_supported() {
  major=${1%%.*}
  rest=${1#*.}
  minor=${rest%%.*}
  case $1 in [0-9]*.[0-9]*) [ "$major" -gt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -ge 10 ]; } ;; *) return 1 ;; esac
}

link_to() {
  binary=$(readlink -f "$1")
  link=$cache/latest/usr/sbin/nats-server
  # NATS_SERVER may name what was fetched here before.
  if [ "$binary" = "$(pwd -P)/$link" ] || [ "$binary" = "$(readlink -f "$link")" ]; then return; fi
  mkdir -p "$(dirname "$link")"
  ln -sf "$binary" "$link"
}

fetch() {
  edition=$1
  suite=$2
  say "Fetching nats-server $edition from Debian $suite into $cache/$edition"
  status=0
  sh scripts/debian-package.sh nats-server "$suite" "$cache/$edition" || status=$?
  case $status in
    0) ;;
    3) say "This machine has no Debian package source. Install nats-server 2.10 or newer with the system's packages, or set NATS_SERVER=/path/to/nats-server (or NATS_URL, for a hub that runs elsewhere)." && return 1 ;;
    *) say "nats-server could not be fetched (see above). Try again with a network, install nats-server 2.10 or newer, or set NATS_SERVER=/path/to/nats-server (or NATS_URL, for a hub that runs elsewhere)." && return 1 ;;
  esac
}

latest() {
  if [ -n "${NATS_SERVER:-}" ]; then
    found=$(version_of "$NATS_SERVER")
    if ! is_supported "$found"; then
      say "NATS_SERVER=$NATS_SERVER is ${found:+version }${found:-no nats-server that runs here}; 2.10 or newer is needed."
      return 1
    fi
    link_to "$NATS_SERVER"
  elif [ -x "$cache/latest/usr/sbin/nats-server" ]; then
    :
  elif command -v nats-server >/dev/null && is_supported "$(version_of nats-server)"; then
    link_to "$(command -v nats-server)"
  else
    fetch latest sid
  fi
}

oldest() { [ -x "$cache/2.10/usr/sbin/nats-server" ] || fetch 2.10 trixie; }

mkdir -p "$cache"
# The kernel frees the lock when its holder ends, however it ends.
exec 9>"$cache/lock"
if command -v flock >/dev/null; then flock 9; fi

[ $# -gt 0 ] || set -- latest
for edition in "$@"; do
  case $edition in
    latest) latest ;;
    2.10) oldest ;;
    *) say "usage: nats-server.sh [latest|2.10]..." && exit 2 ;;
  esac
done
