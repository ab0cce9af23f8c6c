/** What `setup.sh` can be told. */
export const OPTIONS = String.raw`
usage() {
  cat <<'USAGE'
Installs the NATS leaf of this edge site, or brings it up to this bundle.

  sudo sh setup.sh              install as a systemd service
  sh setup.sh --prefix DIR      install below DIR and start it, without root or systemd
  sudo sh setup.sh --docker     run it in Docker (with --prefix DIR: files below DIR)

  --check               say what is installed, whether it runs and whether it is connected
  --stop                stop it
  --uninstall           remove it; stored messages stay, unless --purge is given too

  --nats-server PATH    the nats-server to use (or the variable NATS_SERVER); otherwise it is looked for
  --timeout SECONDS     how long to wait for the connection to the hub (60)
  --no-wait             do not wait for the connection
  --no-start            with --prefix: install only
  --help                this text

Exit status: 0 done; 1 failed, and what was installed before is as it was; 2 wrong usage; 3 installed and running,
but not connected to the hub yet.
USAGE
}

parse_options() {
  action=install
  mode=system
  prefix=''
  # In a subshell, because the variable may be unset.
  # shellcheck disable=SC2153,SC2154
  nats_server=$(set +u && printf '%s' "$NATS_SERVER")
  timeout=60
  wait_for_hub=yes
  start=yes
  purge=no
  while [ $# -gt 0 ]; do
    case $1 in
      --prefix | --nats-server | --timeout)
        if [ $# -lt 2 ] || [ -z "$2" ]; then wrong_usage "$1 needs a value."; fi
        case $1 in
          --prefix) prefix=$2 ;;
          --nats-server) nats_server=$2 ;;
          --timeout) timeout=$2 ;;
        esac
        shift
        ;;
      --check | --stop | --uninstall) set_action "$(printf '%s' "$1" | cut -c 3-)" ;;
      --docker) mode=docker ;;
      --no-wait) wait_for_hub=no ;;
      --no-start) start=no ;;
      --purge) purge=yes ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) wrong_usage "There is no option $1." ;;
    esac
    shift
  done
  check_timeout
  case $prefix in
    *[[:cntrl:]]*) wrong_usage 'The name of the directory has control characters, which a NATS configuration cannot hold.' ;;
  esac
  if [ -n "$prefix" ] && [ "$mode" = system ]; then
    mode=prefix
    # nats-server expands variables in the path of a credentials file, quoted or not.
    case $prefix in
      *\$*) wrong_usage 'The name of the directory has a $, which nats-server would take for a variable.' ;;
    esac
  fi
  if [ "$purge" = yes ] && [ "$action" != uninstall ]; then wrong_usage '--purge goes with --uninstall.'; fi
  if [ "$start" = no ] && [ "$mode" != prefix ]; then wrong_usage '--no-start goes with --prefix.'; fi
}
`;
