/** The actions: install, check, stop, uninstall. */
export const MAIN = String.raw`
log_command() {
  case $mode in
    system) printf 'journalctl -u nats-leaf' ;;
    prefix) printf '%s' "$log" ;;
    docker) printf 'docker logs nats-leaf' ;;
  esac
}

report_connected() {
  if [ "$wait_for_hub" = yes ]; then
    say "The NATS leaf of $site_name runs and is connected to $upstream_url (generation $generation)."
  else
    say "The NATS leaf of $site_name runs (generation $generation). Whether it is connected was not checked."
  fi
  say "Clients at the site connect to $client_url. Log: $(log_command)"
}

report_unconnected() {
  problems=$(recent_problems)
  warn "The NATS leaf of $site_name runs and serves the site's clients, but is not connected to $upstream_url yet."
  if [ -n "$problems" ]; then warn "$problems"; fi
  warn "It keeps trying and keeps messages meanwhile. Check that this machine can reach that address (outbound TCP) and that its clock is right. Then: sh setup.sh --check"
}

install() {
  require_http_client
  if [ "$mode" = docker ]; then require_docker; else find_nats_server; fi
  recover
  previous_site=$(installed_field site)
  previous_generation=$(installed_field generation)
  if [ -n "$previous_site" ] && [ "$previous_site" != "$site_slug" ]; then
    fail "The leaf of another site, $previous_site, is installed here. Remove it with its own setup.sh --uninstall first."
  fi
  update=no
  if [ -n "$previous_generation" ]; then update=yes; fi
  if [ -z "$prefix" ]; then create_user nats /var/lib/nats; fi
  trap 'rm -rf "$new"' EXIT
  stage
  read_configuration "$new/nats-leaf.conf"
  if is_up_to_date; then
    rm -rf "$new"
    say "Nothing to change: generation $generation is installed already."
    if [ "$start" = no ]; then return 0; fi
    touched=yes
    update=no
    if ! is_running; then start_server; fi
  elif [ "$start" = no ]; then
    if is_running; then fail 'It runs now. Stop it first (--stop), or leave out --no-start.'; fi
    swap_in
    say "Generation $generation is installed below $root and was not started."
    return 0
  else
    if [ "$update" = yes ]; then
      say "Replacing generation $previous_generation by generation $generation."
    else
      say "Installing generation $generation."
    fi
    activate
  fi
  if [ "$wait_for_hub" = yes ]; then say "Waiting up to $timeout s for the connection to $upstream_url."; fi
  outcome=0
  await_server || outcome=$?
  case $outcome in
    0) report_connected ;;
    1) give_up 'The server does not start.' ;;
    *)
      if [ "$update" = yes ]; then give_up "The server did not connect to $upstream_url within $timeout s."; fi
      report_unconnected
      ;;
  esac
  trap - INT TERM HUP
  rm -f "$etc/pending"
  [ "$outcome" -eq 0 ] || return 3
}

check() {
  require_http_client
  verdict bundle good "checksums match, generation $generation, config_checksum $(sha256_of "$bundle/SHA256SUMS")"
  if [ "$mode" != docker ]; then
    # In a subshell, which a failure ends, and not the check.
    if server=$(find_nats_server 2>&1 && printf '%s, version %s' "$nats_server" "$server_version"); then verdict nats-server good "$server"; else verdict nats-server bad "$server"; fi
  fi
  found=$(installed_field generation)
  if [ -z "$found" ]; then
    verdict installed bad "nothing in $etc: run setup.sh"
  elif [ "$(installed_field site)" != "$site_slug" ]; then
    verdict installed bad "another site: $(installed_field site)"
  elif cmp -s "$bundle/SHA256SUMS" "$etc/SHA256SUMS"; then
    verdict installed good "generation $found, which is this bundle"
  else
    verdict installed bad "generation $found, which is not this bundle"
  fi
  if [ -n "$found" ]; then
    read_configuration "$conf"
    if is_running && is_serving; then verdict running good 'serves clients'; else verdict running bad "not running; log: $(log_command)"; fi
    if is_connected; then verdict connected good "$upstream_url"; else verdict connected bad "no link to $upstream_url: is it reachable from here (outbound TCP)?"; fi
    if [ -z "$control_account" ]; then
      verdict revocations bad 'not heard of: this generation is from before the hub could tell; install a newer one'
    elif has_control_link; then
      verdict revocations good 'heard of as they happen'
    else
      verdict revocations bad "not heard of while there is no control link to $upstream_url; log: $(log_command)"
    fi
    if has_jetstream; then verdict jetstream good 'stores messages'; else verdict jetstream bad 'off: messages are not kept while the hub is away'; fi
    check_certificate leaf nats-leaf.pem
    check_certificate listener nats-server.pem
  fi
  [ "$healthy" = yes ]
}

uninstall() {
  recover
  if [ "$mode" = docker ] && [ -f "$etc/docker-compose.yml" ]; then compose down; else stop_server; fi
  if [ "$mode" = system ]; then systemctl disable --quiet nats-leaf 2>/dev/null || true; fi
  remove_unit
  rm -rf "$new" "$old"
  for file in nats-leaf.conf nats-leaf.service docker-compose.yml SHA256SUMS installed pending server creds/tenant.creds creds/control.creds; do rm -f "$etc/$file"; done
  for name in nats-server.pem nats-server-key.pem nats-leaf.pem nats-leaf-key.pem ca-chain.pem tenant-ca.pem; do rm -f "$etc/certs/$name"; done
  if [ "$mode" = prefix ]; then rm -rf "$run" "$log"; fi
  rm -rf "$accounts"
  kept="Its messages are kept in $data."
  if [ "$purge" = yes ]; then
    rm -rf "$data"
    kept='Its messages are gone too.'
  fi
  for directory in "$etc/certs" "$etc/creds" "$etc" "$(dirname "$data")" "$run"; do rmdir "$directory" 2>/dev/null || true; done
  if [ -n "$prefix" ]; then
    for directory in etc var/lib var/log var run ''; do rmdir "$root/$directory" 2>/dev/null || true; done
  fi
  say "The NATS leaf of $site_name was removed. $kept"
}

main() {
  parse_options "$@"
  check_sums
  choose_layout
  case $action in
    stop)
      stop_server
      say "The NATS leaf of $site_name is stopped."
      ;;
    *) "$action" ;;
  esac
}

main "$@"
`;
