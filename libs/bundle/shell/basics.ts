/** How the scripts speak and end, and what they make of options. They set `$script`, their own name, and have a function `usage`. */
export const BASICS = String.raw`
say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
fail() {
  warn "$script: $*"
  exit 1
}

wrong_usage() {
  warn "$script: $*"
  warn ''
  usage >&2
  exit 2
}
`;

/** For scripts that have more than one action. */
export const ACTIONS = String.raw`
set_action() {
  [ "$action" = install ] || wrong_usage "--$action and --$1 cannot go together."
  action=$1
}

check_timeout() {
  case $timeout in
    0* | *[!0-9]* | ??????*) wrong_usage "--timeout takes a number of seconds, not $timeout." ;;
  esac
}

pause() { sleep 0.2 2>/dev/null || sleep 1; }
`;
