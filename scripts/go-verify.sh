#!/bin/sh
# Makes sure of .cache/go-verify/verify, which test/go is built to: what Go's crypto/x509 and NATS's own library say of certificates and
# JWTs. The compiler and the libraries are Debian's, 280 MB; they go again when the program is built.
#
# usage: go-verify.sh
# exit:  0 it is there, 1 it is not, with a sentence that says what to do
set -eu

cd "$(dirname "$0")/.."
cache=.cache/go-verify
packages='golang-1.24-go golang-1.24-src golang-github-nats-io-jwt-dev golang-github-nats-io-nkeys-dev golang-golang-x-crypto-dev golang-golang-x-sys-dev'
suite=trixie

sources=$({ cat test/go/main.go && printf '%s' "$packages"; } | sha256sum | cut -c 1-64)
if [ -x "$cache/verify" ] && [ "$(cat "$cache/sources" 2>/dev/null)" = "$sources" ]; then exit 0; fi

fail() {
  printf '%s\n' "The tests hold certificates and JWTs against Go's libraries, and $1 (see above). They need Debian's packages once, and a network for them." >&2
  exit 1
}

printf 'Building test/go with Go of Debian %s into %s; this takes a minute\n' "$suite" "$cache" >&2
rm -rf "$cache"
mkdir -p "$cache"
trap 'rm -rf "$cache/debian" "$cache/build"' EXIT
sh scripts/debian-package.sh "$packages" "$suite" "$cache/debian" || fail 'Go could not be fetched'
debian=$PWD/$cache/debian/usr
# As in Debian's own builds: libraries come from GOPATH, and nothing from a network. Without cgo no C compiler is needed.
export GOROOT="$debian/lib/go-1.24" GOPATH="$debian/share/gocode" GOCACHE="$PWD/$cache/build" GO111MODULE=off GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS=
(cd test/go && "$GOROOT/bin/go" build -trimpath -ldflags='-s -w' -o "../../$cache/verify" .) || fail 'test/go could not be built'
printf '%s' "$sources" >"$cache/sources"
