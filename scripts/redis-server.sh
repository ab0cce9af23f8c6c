#!/bin/sh
# Runs redis-server, for the tests: the one on the PATH, else Debian's, which is unpacked into .cache/redis with the libraries it needs.
#
# usage: redis-server.sh [what redis-server takes]...
# exit:  that of redis-server; 1 when there is none, with a sentence that says what to do
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cache=$root/.cache/redis

if command -v redis-server >/dev/null; then exec redis-server "$@"; fi

# Debian's server is the program that checks its files, under another name.
server=$cache/redis-tools/usr/bin/redis-server
if ! [ -x "$server" ]; then
  codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null || true)
  printf 'Fetching redis-server from Debian %s into .cache/redis\n' "${codename:-stable}" >&2
  for package in liblzf1 libjemalloc2 redis-tools; do
    if ! sh "$root/scripts/debian-package.sh" "$package" "${codename:-stable}" "$cache/$package"; then
      printf "The tests need redis-server, which could not be fetched. Install it with the system's packages.\n" >&2
      exit 1
    fi
  done
  ln -s redis-check-rdb "$server"
fi

for libraries in "$cache"/*/usr/lib/*-linux-gnu; do LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$libraries; done
export LD_LIBRARY_PATH
exec "$server" "$@"
