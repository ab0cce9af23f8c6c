/** The actions: install, check, uninstall. */
export const MAIN = String.raw`
# Ends a run that failed after it began to change things.
give_up() {
  trap '' INT TERM HUP
  changing=no
  warn "$script: $1"
  problems=''
  if [ "$restarted" = yes ]; then problems=$(recent_problems); fi
  if [ -n "$problems" ]; then warn "$problems"; fi
  if [ -f "$old/pending" ]; then
    put_back
    if [ -n "$previous_package" ]; then
      warn "The files of package $previous_package were put back."
    else
      warn 'Nothing was installed: the files are as they were.'
    fi
  fi
  if [ "$restarted" = yes ]; then
    if [ "$was_running" = no ]; then
      systemctl stop "$service" || true
      warn "$service did not run before, and does not now."
    else
      restart_service
      if await_service; then warn "$service runs as before."; else warn "$service does not come up with them either. Log: journalctl -u $service"; fi
    fi
  fi
  exit 1
}

clean_up() {
  if [ "$changing" = yes ]; then (give_up 'It failed.') || true; fi
  rm -rf "$new" "$old.new"
  remove_empty_directories
}

start_anew() {
  restarted=yes
  restart_service
  await_service || give_up "$service does not come up within $timeout s."
}

activate() {
  trap 'give_up "Interrupted."' INT TERM HUP
  changing=yes
  keep_previous
  swap_in
  if has_service; then start_anew; fi
  changing=no
  rm -f "$old/pending"
}

report() {
  if [ -n "$prefix" ]; then
    say "The files of the $collector_type collector are installed. Start it with $conf."
  elif ! has_service; then
    say "The files of the $collector_type collector are installed. systemd has no service $service yet: install the package of that name, and it finds them."
  else
    say "The $collector_type collector runs with the files of package $package_id, and sends to $nats_url. Log: journalctl -u $service"
    if reads_other_configuration; then warn "$script: $service reads $other, and not $conf. Change its command: systemctl edit $service"; fi
  fi
}

refuse_other_type() {
  previous_type=$(installed_field type)
  if [ -n "$previous_type" ] && [ "$previous_type" != "$collector_type" ]; then
    fail "A $previous_type collector is installed here and has files of the same names. Remove it with its own update.sh --uninstall first, or give this one a directory of its own with --prefix DIR."
  fi
}

install() {
  trap clean_up EXIT
  trap 'exit 1' INT TERM HUP
  recover
  refuse_other_type
  if [ -z "$prefix" ]; then create_user serviceradar /var/lib/serviceradar; fi
  previous_package=$(installed_field package)
  was_running=no
  if has_service && is_running; then was_running=yes; fi
  stage
  if is_up_to_date; then
    say "Nothing to change: package $package_id is installed already."
    if has_service && { [ "$was_running" = no ] || [ "$recovered" = yes ]; }; then start_anew; fi
  else
    if [ -n "$previous_package" ]; then
      say "Replacing package $previous_package by package $package_id."
    else
      say "Installing package $package_id."
    fi
    activate
  fi
  report
}

check_files() {
  for file in $package_files; do cmp -s "$bundle/$file" "$etc/$file" || return 1; done
  configuration_text | cmp -s - "$conf"
}

check() {
  verdict bundle good "checksums match, package $package_id"
  found=$(installed_field package)
  if [ -f "$old/pending" ]; then verdict complete bad "an installation was cut off here: run update.sh"; fi
  if [ -z "$found" ]; then
    verdict installed bad "nothing in $etc: run update.sh"
  elif ! cmp -s "$bundle/SHA256SUMS" "$etc/collector/SHA256SUMS"; then
    verdict installed bad "package $found ($(installed_field type)), not as it is here: run update.sh"
  elif ! check_files; then
    verdict installed bad "package $found, but files were changed: run update.sh"
  else
    verdict installed good "package $found"
  fi
  if [ -n "$found" ]; then check_certificate certificate collector.pem; fi
  if [ -z "$prefix" ]; then
    if ! has_service; then
      verdict running bad "systemd has no service $service"
    else
      if is_running; then verdict running good "$service"; else verdict running bad "$service does not run; log: journalctl -u $service"; fi
      if reads_other_configuration; then verdict configured bad "$service reads $other, and not $conf"; fi
    fi
  fi
  [ "$healthy" = yes ]
}

uninstall() {
  recover
  refuse_other_type
  if has_service; then
    systemctl stop "$service" 2>/dev/null || true
    systemctl disable --quiet "$service" 2>/dev/null || true
  fi
  for file in $managed; do rm -f "$etc/$file"; done
  rm -rf "$new" "$old" "$old.new"
  remove_empty_directories
  say "The files of the $collector_type collector were removed."
}

main() {
  parse_options "$@"
  check_sums
  choose_layout
  "$action"
}

main "$@"
`;
