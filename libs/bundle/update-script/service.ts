/** The collector's service, if systemd has one. It comes with the collector's own package. */
export const SERVICE = String.raw`
has_service() { [ -z "$prefix" ] && has_systemd && systemctl cat "$service" >/dev/null 2>&1; }
is_running() { systemctl is-active --quiet "$service"; }

restart_service() {
  systemctl reset-failed "$service" 2>/dev/null || true
  systemctl enable --quiet "$service" 2>/dev/null || true
  systemctl restart "$service" || true
}

# Whether it comes up within the time, and stays up for 3 s: one that is started again and again is active for moments, each time as
# another process. Counted, because two looks at the clock do not tell what was between them.
await_service() {
  deadline=$(($(date +%s) + timeout))
  seen=0
  while :; do
    # Without --value, which systemd before version 230 does not know.
    if is_running && found=$(systemctl show -p MainPID "$service" 2>/dev/null) && { [ "$seen" -eq 0 ] || [ "$found" = "$main_process" ]; }; then
      main_process=$found
      seen=$((seen + 1))
      if [ "$seen" -ge 15 ]; then return 0; fi
    else
      seen=0
      if [ "$(date +%s)" -ge "$deadline" ]; then return 1; fi
    fi
    pause
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
