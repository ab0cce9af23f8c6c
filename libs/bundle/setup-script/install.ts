/** Putting the bundle in place of what is there, and back if it does not come up. */
export const INSTALL = String.raw`
# Puts $root before the paths of the configuration. Only lines that are a path and nothing else are touched, so that no text of another
# kind can pass for one.
rewrite_configuration() {
  quoted_root=$(printf '%s' "$root" | sed 's/[\\"]/\\&/g')
  export quoted_root
  awk '
    /^ *(cert_file|key_file|ca_file|credentials|store_dir|dir|pid_file): "\/(etc|var\/lib|run)\/nats\/[^"]*"$/ {
      at = index($0, "\"")
      $0 = substr($0, 1, at) ENVIRON["quoted_root"] substr($0, at + 1)
    }
    { print }
    # In the file, because a server with the flag of that name refuses to reload (2.15.1).
    END { print "logfile_size_limit: 10485760" }
  ' "$bundle/nats/nats-leaf.conf"
}

# Copies a file of the bundle: place FILE-IN-BUNDLE FILE-IN-ETC MODE
place() {
  rm -f "$new/$2"
  cp "$bundle/$1" "$new/$2"
  chmod "$3" "$new/$2"
}

# Makes, beside the configuration that runs, what it is to become; files that are not of a bundle are kept.
stage() {
  rm -rf "$new"
  mkdir -p "$(dirname "$etc")" "$data" "$accounts"
  if [ -d "$etc" ]; then cp -Rp "$etc" "$new"; else mkdir "$new"; fi
  mkdir -p "$new/certs" "$new/creds"
  place SHA256SUMS SHA256SUMS 0600
  if [ "$mode" = prefix ]; then
    rewrite_configuration >"$new/nats-leaf.conf"
  else
    place nats/nats-leaf.conf nats-leaf.conf 0600
  fi
  for name in nats-server.pem nats-server-key.pem nats-leaf.pem nats-leaf-key.pem ca-chain.pem tenant-ca.pem; do
    place "nats/certs/$name" "certs/$name" 0600
  done
  for name in tenant.creds control.creds; do place "creds/$name" "creds/$name" 0600; done
  printf 'site %s\ngeneration %s\n' "$site_slug" "$generation" >"$new/installed"
  case $mode in
    system | prefix) printf '%s %s\n' "$nats_server" "$server_version" >"$new/server" ;;
    docker) place docker-compose.yml docker-compose.yml 0600 ;;
  esac
  case $mode in
    system) sed "s|^ExecStart=/usr/sbin/nats-server |ExecStart=$nats_server |" "$bundle/systemd/nats-leaf.service" >"$new/nats-leaf.service" ;;
    prefix) mkdir -p "$run" "$(dirname "$log")" ;;
  esac
  if [ -z "$prefix" ]; then
    # The server reads its configuration and cannot change it.
    chown -R root:nats "$new"
    find "$new" -type d -exec chmod 0750 {} +
    find "$new" -type f -exec chmod 0640 {} +
    chown nats:nats /var/lib/nats "$data" "$accounts"
    chmod 0750 /var/lib/nats "$data" "$accounts"
  fi
}

installed_field() { sed -n "s/^$1 //p" "$etc/installed" 2>/dev/null || true; }

is_up_to_date() {
  diff -r "$etc" "$new" >/dev/null 2>&1 && { [ "$mode" != system ] || cmp -s "$new/nats-leaf.service" "$unit"; }
}

# An installation that was cut off: between two renames, or before it was seen to work. What worked before it comes back.
recover() {
  if [ -f "$etc/pending" ]; then
    if [ -d "$old" ]; then rm -rf "$etc"; else rm -f "$etc/pending" "$etc/installed"; fi
  fi
  if [ ! -d "$etc" ] && [ -d "$old" ]; then mv "$old" "$etc"; fi
}

install_unit() {
  if [ "$mode" != system ]; then return 0; fi
  cp "$etc/nats-leaf.service" "$unit"
  chmod 0644 "$unit"
  systemctl daemon-reload
}

remove_unit() {
  if [ "$mode" != system ]; then return 0; fi
  rm -f "$unit"
  systemctl daemon-reload
}

swap_in() {
  rm -rf "$old"
  if [ -d "$etc" ]; then mv "$etc" "$old"; fi
  mv "$new" "$etc"
  install_unit
}

# What was there before comes back, and runs if it did.
put_back() {
  if [ "$touched" = yes ]; then stop_server; fi
  if [ -d "$old" ]; then
    rm -rf "$new"
    if [ -d "$etc" ]; then mv "$etc" "$new"; fi
    mv "$old" "$etc"
    rm -rf "$new"
  fi
  install_unit
  if [ "$touched" = no ] || [ "$was_running" = no ]; then return 0; fi
  read_configuration "$conf"
  if [ "$mode" = prefix ]; then nats_server=$(server_in_use); fi
  start_server
  wait_for_hub=no
  await_server || warn "$script: The previous configuration does not start either. Log: $(log_command)"
}

# Ends a run that failed after it began to change things.
give_up() {
  trap '' INT TERM HUP
  problems=$(recent_problems)
  warn "$script: $1"
  if [ -n "$problems" ]; then warn "$problems"; fi
  if [ "$update" = yes ]; then
    put_back
    if [ "$was_running" = yes ]; then
      warn "Generation $previous_generation was put back and runs as before."
    else
      warn "Generation $previous_generation was put back; it did not run before, and does not now."
    fi
  elif [ "$touched" = no ]; then
    rm -rf "$etc"
    if [ -d "$old" ]; then mv "$old" "$etc"; fi
    if [ -f "$etc/nats-leaf.service" ]; then install_unit; else remove_unit; fi
    warn 'Nothing was installed.'
  else
    stop_server
    warn "It was stopped. When the cause is gone, run setup.sh again. Log: $(log_command)"
  fi
  exit 1
}

without_accounts() { sed '/^resolver_preload: {$/,/^}$/d' "$1"; }

# The link keeps the old user until it connects again, and reloading (SIGHUP) does not make it: measured with 2.10.27 and 2.15.1. On
# 2.10 a reload also drops every client of the site, so nothing is won over a restart. Since 2.12 a reload can disable the remote and
# enable it again: on 2.15.1 the link is back as the new user in 10 ms, and the clients stay. This holds for new certificates,
# credentials and account JWTs; whatever else differs in the configuration takes a restart.
renew_link() {
  cmp -s "$old/server" "$etc/server" || return 1
  [ "$(without_accounts "$old/nats-leaf.conf")" = "$(without_accounts "$conf")" ] || return 1
  cp -p "$conf" "$etc/.enabled"
  cp -p "$conf" "$etc/.disabled"
  awk '{ print } /^ *credentials: "/ { print "disabled: true" }' "$conf" >"$etc/.disabled"
  if ! "$nats_server" -t -c "$etc/.disabled" >/dev/null 2>&1; then
    rm -f "$etc/.disabled" "$etc/.enabled"
    return 1
  fi
  mv "$etc/.disabled" "$conf"
  reload_server
  is_disabled=no
  looks=0
  while [ "$is_disabled" = no ] && [ "$looks" -lt 50 ]; do
    pause
    if has_no_link; then is_disabled=yes; fi
    looks=$((looks + 1))
  done
  mv "$etc/.enabled" "$conf"
  [ "$is_disabled" = yes ] || return 1
  reload_server
}

activate() {
  was_running=no
  if is_running; then was_running=yes; fi
  if [ "$was_running" = no ] && http_get /varz >/dev/null; then
    fail "Another program answers on 127.0.0.1:$monitor_port, where this server is to be monitored. Stop it first (another nats-server: systemctl disable --now nats-server)."
  fi
  touched=no
  trap 'give_up "Interrupted."' INT TERM HUP
  : >"$new/pending"
  swap_in
  if [ "$mode" != docker ] && ! problem=$("$nats_server" -t -c "$conf" 2>&1); then
    give_up "$nats_server does not accept the configuration of this bundle: $problem"
  fi
  touched=yes
  if [ "$was_running" = no ]; then
    start_server
  elif [ "$mode" = docker ] || ! renew_link; then
    stop_server
    start_server
  fi
}
`;
