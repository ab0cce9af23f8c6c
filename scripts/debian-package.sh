#!/bin/sh
# Unpacks packages of a Debian suite into one folder, without root and without touching the machine: apt runs with a state of its
# own over a copy of the machine's Debian source, so the mirror is the machine's and signatures are checked as ever.
#
# usage: debian-package.sh PACKAGES SUITE DIRECTORY
#   PACKAGES  one, or several separated by spaces; what they depend on does not come along
# exit:  0 unpacked, 1 failed, 3 this machine has no Debian source to use
set -eu

packages=$1
suite=$2
target=$3

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || exit 3

parent=$(dirname "$target")
mkdir -p "$parent"
parent=$(cd "$parent" && pwd)
target=$parent/$(basename "$target")
state=$(mktemp -d "$parent/.apt.XXXXXX")
# As root, apt downloads as a user of its own, who has to get in.
chmod 0755 "$state"
trap 'rm -rf "$state"' EXIT
trap 'exit 1' HUP INT TERM

# One stanza of deb822: the first source of Debian's main archive, of another suite. A mirror's path ends in /debian (or in
# debian.list, with apt's mirror method), snapshots add a time stamp; the security archive's ends in -security.
to_stanza() {
  awk -v suite="$suite" '
    function is_debian(uri) { return uri ~ /\/debian(\.list)?(\/[0-9]+T[0-9]+Z)?\/?$/ }
    function emit(uri, options) {
      printf "Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n%s", uri, suite, options
      done = 1
      exit
    }
    /^#/ { next }
    FNR == 1 || /^[ \t]*$/ { end_stanza() }
    /^deb[ \t]/ {
      line = $0
      options = ""
      if (match(line, /\[[^]]*\]/)) {
        signed = substr(line, RSTART + 1, RLENGTH - 2)
        line = substr(line, 1, RSTART - 1) substr(line, RSTART + RLENGTH)
        if (match(signed, /signed-by=[^ ]+/)) options = "Signed-By: " substr(signed, RSTART + 10, RLENGTH - 10) "\n"
      }
      count = split(line, word)
      for (i = 4; i <= count; i++) if (word[i] == "main" && is_debian(word[2])) emit(word[2], options)
      next
    }
    /^[A-Za-z-]+:/ { field = tolower($1); sub(/:$/, "", field); sub(/^[A-Za-z-]+:[ \t]*/, "", $0); value[field] = $0; next }
    /^[ \t]/ { value[field] = value[field] "\n" $0 }
    function end_stanza(   i, count, uri) {
      count = split(value["uris"], uri)
      for (i = 1; i <= count; i++) {
        if (value["enabled"] != "no" && value["types"] ~ /(^| )deb( |$)/ && (" " value["components"] " ") ~ / main / && is_debian(uri[i]))
          emit(uri[i], value["signed-by"] == "" ? "" : "Signed-By: " value["signed-by"] "\n")
      }
      split("", value)
      field = ""
    }
    END { if (!done) end_stanza() }
  ' "$@"
}

set --
for list in /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  if [ -r "$list" ]; then set -- "$@" "$list"; fi
done
[ $# -gt 0 ] || exit 3
to_stanza "$@" >"$state/debian.sources"
[ -s "$state/debian.sources" ] || exit 3

mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/root"
: >"$state/status"
cat >"$state/apt.conf" <<CONF
Dir::Etc::sourcelist "$state/debian.sources";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "-";
Dir::State::lists "$state/lists";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
Acquire::Languages "none";
Acquire::Retries "2";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF

cd "$state"
# shellcheck disable=SC2086 # A word for each package.
if ! { apt-get -q -c "$state/apt.conf" update && apt-get -q -c "$state/apt.conf" download $packages; } >"$state/log" 2>&1; then
  grep '^[EW]:' "$state/log" >&2 || cat "$state/log" >&2
  exit 1
fi
for file in "$state"/*.deb; do dpkg-deb -x "$file" "$state/root"; done

rm -rf "$target"
mv "$state/root" "$target"
