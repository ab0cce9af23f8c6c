/** The collector's service, if systemd has one. It comes with the collector's own package. */
export const SERVICE = String.raw`
has_service() { [ -z "$prefix" ] && has_systemd && systemctl cat "$service" >/dev/null 2>&1; }
is_running() { systemctl is-active --quiet "$service"; }

restart_service() {
  systemctl reset-failed "$service" 2>/dev/null || true
  systemctl enable --quiet "$service" 2>/dev/null || true
  systemctl restart "$service" || true
}

# Whether it comes up within the time, and stays up: one that is started again and again is active for moments.
await_service() {
  now=$(date +%s)
  deadline=$((now + timeout))
  active_since=''
  while :; do
    if is_running; then
      if [ -z "$active_since" ]; then active_since=$now; fi
      if [ $((now - active_since)) -ge 3 ]; then return 0; fi
    else
      active_since=''
      if [ "$now" -ge "$deadline" ]; then return 1; fi
    fi
    if [ "$now" -ge $((deadline + 3)) ]; then return 1; fi
    pause
    now=$(date +%s)
  done
}

recent_problems() { journalctl -u "$service" -n 5 -o cat --no-pager 2>/dev/null | sed 's/^/    /'; }

# The file that the service is told to read, if its command names one here.
configuration_of_service() {
  systemctl cat "$service" 2>/dev/null | sed -n 's/^ExecStart=.*[ =]\(\/etc\/serviceradar\/[^ ]*\.[a-z][a-z]*\).*/\1/p' | tail -n 1
}

reads_other_configuration() {
  other=$(configuration_of_service)
  [ -n "$other" ] && [ "$other" != "$conf" ]
}
`;
