/** Running the server: as a systemd service, in the background below a prefix, or in Docker. */
export const SERVICE = String.raw`
compose() {
  NATS_CONFIG_DIR=$etc
  NATS_DATA_DIR=$data
  NATS_ACCOUNTS_DIR=$accounts
  NATS_USER=$(owner_ids)
  export NATS_CONFIG_DIR NATS_DATA_DIR NATS_ACCOUNTS_DIR NATS_USER
  if docker compose version >/dev/null 2>&1; then
    docker compose -p nats-leaf -f "$etc/docker-compose.yml" "$@"
  else
    docker-compose -p nats-leaf -f "$etc/docker-compose.yml" "$@"
  fi
}

require_docker() {
  if ! docker compose version >/dev/null 2>&1 && ! command -v docker-compose >/dev/null; then
    fail 'Docker Compose is needed for --docker: install Docker with its compose plugin.'
  fi
}

owner_ids() {
  if [ -n "$prefix" ]; then
    printf '%s:%s' "$(id -u)" "$(id -g)"
  else
    printf '%s:%s' "$(id -u nats)" "$(id -g nats)"
  fi
}

# Prints the process id of the server below the prefix.
background_pid() {
  [ -s "$run/nats-leaf.pid" ] || return 1
  pid=$(cat "$run/nats-leaf.pid")
  case $pid in
    '' | *[!0-9]*) return 1 ;;
  esac
  # After a reboot, the number may be another process's.
  if [ -r "/proc/$pid/cmdline" ]; then
    tr '\0' '\n' <"/proc/$pid/cmdline" | grep -Fqx -- "$conf" || return 1
  else
    ps -o args= -p "$pid" 2>/dev/null | grep -Fq -- "$conf" || return 1
  fi
  printf '%s\n' "$pid"
}

is_running() {
  case $mode in
    system) systemctl is-active --quiet nats-leaf ;;
    prefix) background_pid >/dev/null ;;
    docker) [ -f "$etc/docker-compose.yml" ] && [ -n "$(compose ps -q 2>/dev/null)" ] ;;
  esac
}

# The process id of the server that this run started in the background.
started=''

start_server() {
  case $mode in
    system)
      systemctl reset-failed nats-leaf 2>/dev/null || true
      systemctl enable --quiet nats-leaf
      systemctl start nats-leaf || true
      ;;
    docker) compose up -d --force-recreate || true ;;
    prefix)
      rm -f "$run/nats-leaf.pid"
      set -- "$nats_server" -c "$conf" -l "$log"
      # A session of its own: neither Ctrl-C nor the end of this terminal is for it.
      if command -v setsid >/dev/null; then set -- setsid "$@"; else set -- nohup "$@"; fi
      "$@" </dev/null >>"$log" 2>&1 &
      started=$!
      ;;
  esac
}

stop_server() {
  case $mode in
    system) systemctl stop nats-leaf 2>/dev/null || true ;;
    docker) if [ -f "$etc/docker-compose.yml" ]; then compose stop; fi ;;
    prefix)
      # One that was started a moment ago may not have written its process id yet.
      pid=$(background_pid) || pid=$started
      if [ -z "$pid" ] || ! kill -TERM "$pid" 2>/dev/null; then return 0; fi
      patience_ends=$(($(date +%s) + 20))
      while kill -0 "$pid" 2>/dev/null; do
        if [ "$(date +%s)" -ge "$patience_ends" ]; then kill -KILL "$pid" 2>/dev/null || true; fi
        pause
      done
      started=''
      rm -f "$run/nats-leaf.pid"
      ;;
  esac
}

reload_server() {
  case $mode in
    system) systemctl reload nats-leaf ;;
    prefix) kill -HUP "$(background_pid)" ;;
  esac
}

recent_problems() {
  case $mode in
    system) journalctl -u nats-leaf -n 50 -o cat --no-pager 2>/dev/null ;;
    prefix) tail -n 50 "$log" 2>/dev/null ;;
    docker) compose logs --no-color --tail 50 2>/dev/null ;;
  esac | grep -E '\[(ERR|FTL|WRN)\]|^nats-server:' | tail -n 3 | sed 's/^/    /'
}

# 0: serves and, unless --no-wait is given, is connected; 1: does not run; 2: serves, but is not connected.
await_server() {
  deadline=$(($(date +%s) + timeout))
  unseen=0
  verdict=1
  while :; do
    now=$(date +%s)
    if is_running; then
      unseen=0
      if is_serving; then
        verdict=2
        # Asked once more: if its port is taken, it stops while another server answers.
        if { [ "$wait_for_hub" = no ] || is_connected; } && is_running; then return 0; fi
      fi
    else
      # 3 s, but counted: the clock also goes on while this machine stands still, and may be set.
      unseen=$((unseen + 1))
      if [ "$unseen" -ge 15 ]; then return 1; fi
    fi
    if [ "$now" -ge "$deadline" ]; then return "$verdict"; fi
    pause
  done
}
`;
