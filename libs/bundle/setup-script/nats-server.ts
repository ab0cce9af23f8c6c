/** Finding `nats-server`, and asking the one that runs how it is. */
export const NATS_SERVER = String.raw`
get_newer="Install nats-server $minimum_version or newer: from your distribution (package nats-server), or a release of the NATS project (github.com/nats-io/nats-server), and name it with --nats-server PATH."

version_of() { "$1" --version 2>/dev/null | sed -n 's/^nats-server: v\([0-9][0-9.]*\).*/\1/p'; }

# version_is_at_least VERSION MINIMUM
version_is_at_least() {
  printf '%s %s\n' "$1" "$2" | awk '{
    split($1, has, "."); split($2, needs, ".")
    for (i = 1; i <= 3; i++) if (has[i] + 0 != needs[i] + 0) exit has[i] + 0 < needs[i] + 0
  }'
}

# The nats-server that was installed with, if it is still there.
server_in_use() {
  in_use=$(sed 's/ [^ ]*$//' "$etc/server" 2>/dev/null) && [ -x "$in_use" ] && printf '%s\n' "$in_use"
}

# Sets $nats_server to an absolute path and $server_version.
find_nats_server() {
  if [ -z "$nats_server" ]; then
    nats_server=$(server_in_use) || nats_server=$(PATH=$PATH:/usr/sbin:/usr/local/bin:/usr/local/sbin && command -v nats-server) || fail "No nats-server was found. $get_newer"
  fi
  case $nats_server in
    /*) ;;
    *) nats_server=$PWD/$nats_server ;;
  esac
  if [ ! -f "$nats_server" ] || [ ! -x "$nats_server" ]; then fail "$nats_server is not a program. $get_newer"; fi
  server_version=$(version_of "$nats_server")
  [ -n "$server_version" ] || fail "$nats_server does not say its version, so it is not a nats-server for this machine. $get_newer"
  version_is_at_least "$server_version" "$minimum_version" || fail "$nats_server is version $server_version, which is too old. $get_newer"
  if [ "$mode" = system ]; then
    case $nats_server in
      *[!A-Za-z0-9/._+-]*) fail "systemd cannot run $nats_server: use a path of letters, digits and . _ + - only." ;;
      /home/* | /root/* | /tmp/* | /var/tmp/*) fail "The service has no access to $nats_server: copy it to /usr/local/bin first." ;;
    esac
  fi
}

# What the monitoring endpoint answers; it listens on this machine only.
http_get() {
  if command -v curl >/dev/null; then
    curl -q -fsS --noproxy '*' --max-time 3 "http://127.0.0.1:$monitor_port$1" 2>/dev/null
  else
    http_proxy='' wget -q -T 3 -O - "http://127.0.0.1:$monitor_port$1" 2>/dev/null
  fi
}

require_http_client() {
  command -v curl >/dev/null || command -v wget >/dev/null || fail 'curl or wget is needed to see whether the server is connected. Install one of them.'
}

# Sets what the configuration in the file $1 says: the monitoring port, and the account at each end of a link here: the tenant's, whose
# link carries the messages, and the one through which this server hears of revoked users, which older configurations do not have.
read_configuration() {
  monitor_port=$(sed -n 's/^http: "127\.0\.0\.1:\([0-9]*\)"$/\1/p' "$1")
  [ -n "$monitor_port" ] || fail "The configuration $1 has no monitoring port."
  link_accounts=$(sed -n 's/^ *account: "\([A-Z0-9]*\)"$/\1/p' "$1")
  message_account=$(printf '%s\n' "$link_accounts" | sed -n 1p)
  control_account=$(printf '%s\n' "$link_accounts" | sed -n 2p)
  [ -n "$message_account" ] || fail "The configuration $1 has no connection to a hub."
}

# The number that a monitoring page gives a name, 0 when there is none.
number_of() {
  number=$(http_get "$2" | sed -n 's/.*"'"$1"'": *\([0-9][0-9]*\).*/\1/p' | head -n 1)
  if [ -n "$number" ]; then printf '%s\n' "$number"; else printf '0\n'; fi
}

is_serving() { http_get /healthz | grep -q '"ok"'; }
is_linked() { http_get /leafz | grep -q "\"account\": *\"$1\""; }
is_connected() { is_linked "$message_account"; }
# A page that could not be had says nothing.
has_no_link() { links=$(http_get /leafz) && printf '%s\n' "$links" | grep -q '"leafnodes": *0[^0-9]'; }
# Installing waits for the link that carries messages only; the control link may come a moment later.
has_control_link() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    if is_linked "$control_account"; then return 0; fi
    is_connected || return 1
    pause
  done
  return 1
}
has_jetstream() { [ "$(number_of accounts /jsz)" -ge 1 ]; }
`;
