/** Where files go, and whose they are. */
export const ROOT = String.raw`
# Sets $root, which everything is below: empty except with --prefix.
choose_root() {
  root=''
  if [ -n "$prefix" ]; then
    if [ "$action" = install ]; then mkdir -p -- "$prefix" || fail "The directory $prefix cannot be made."; fi
    root=$(cd -- "$prefix" 2>/dev/null && pwd -P) || fail "There is no directory $prefix."
    [ "$root" != / ] || fail "The prefix cannot be /: run $script as root and without --prefix."
  elif [ "$(id -u)" -ne 0 ]; then
    fail 'This needs root: run it with sudo, or with --prefix DIR to install below a directory of your own.'
  fi
}

has_systemd() { command -v systemctl >/dev/null && [ -d /run/systemd/system ]; }

# Makes a user and a group for a service: create_user NAME HOME
create_user() {
  if ! grep -q "^$1:" /etc/group; then
    if command -v groupadd >/dev/null; then groupadd --system "$1"; else addgroup -S "$1"; fi
  fi
  if id -u "$1" >/dev/null 2>&1; then return 0; fi
  if command -v useradd >/dev/null; then
    useradd --system --gid "$1" --home-dir "$2" --no-create-home --shell /usr/sbin/nologin "$1"
  else
    adduser -S -D -H -h "$2" -s /sbin/nologin -G "$1" "$1"
  fi
}
`;
