/** What `update.sh` can be told. */
export const OPTIONS = String.raw`
usage() {
  cat <<'USAGE'
Installs the certificates, credentials and configuration of this collector, or brings them up to this package.

  sudo sh update.sh             install below /etc/serviceradar and restart the collector's service
  sh update.sh --prefix DIR     install below DIR, without root; starting the collector is up to you

  --check               say what is installed, and whether the service runs
  --uninstall           stop the service and remove the files
  --timeout SECONDS     how long to wait for the service (30)
  --help                this text

Exit status: 0 done; 1 failed, and what was installed before is as it was; 2 wrong usage.
USAGE
}

parse_options() {
  action=install
  prefix=''
  timeout=30
  while [ $# -gt 0 ]; do
    case $1 in
      --prefix | --timeout)
        if [ $# -lt 2 ] || [ -z "$2" ]; then wrong_usage "$1 needs a value."; fi
        case $1 in
          --prefix) prefix=$2 ;;
          --timeout) timeout=$2 ;;
        esac
        shift
        ;;
      --check | --uninstall) set_action "$(printf '%s' "$1" | cut -c 3-)" ;;
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
    *[[:cntrl:]]*) wrong_usage 'The name of the directory has control characters, which a configuration cannot hold.' ;;
  esac
}
`;
