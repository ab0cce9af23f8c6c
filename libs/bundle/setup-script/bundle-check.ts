/** Before anything else: are the files those that were downloaded? And where do they go? */
export const BUNDLE_CHECK = String.raw`
sha256_of() {
  case $sha256 in
    openssl) openssl dgst -sha256 -r ;;
    shasum) shasum -a 256 ;;
    *) sha256sum ;;
  esac <"$1" | cut -c 1-64
}

check_sums() {
  for sha256 in sha256sum shasum openssl none; do
    if command -v "$sha256" >/dev/null; then break; fi
  done
  [ "$sha256" != none ] || fail 'The checksums cannot be verified: install sha256sum (coreutils), shasum or openssl.'
  bundle=$(cd -- "$(dirname -- "$0")" && pwd -P)
  again='Nothing was changed. Download the bundle again and unpack it into an empty directory.'
  [ -f "$bundle/SHA256SUMS" ] || fail "There is no SHA256SUMS beside setup.sh. $again"
  for file in $bundle_files; do
    grep -q "^[0-9a-f]*  $file\$" "$bundle/SHA256SUMS" || fail "SHA256SUMS does not list $file. $again"
  done
  while read -r sum file; do
    case "/$file/" in
      // | //* | */../*) fail "SHA256SUMS is damaged. $again" ;;
    esac
    [ -f "$bundle/$file" ] || fail "The file $file is missing. $again"
    [ "$(sha256_of "$bundle/$file")" = "$sum" ] || fail "The file $file is not as it was downloaded. $again"
  done <"$bundle/SHA256SUMS"
}

# Sets where files go: all of them below $root, which is empty except with --prefix.
choose_layout() {
  root=''
  if [ -n "$prefix" ]; then
    if [ "$action" = install ]; then mkdir -p -- "$prefix" || fail "The directory $prefix cannot be made."; fi
    root=$(cd -- "$prefix" 2>/dev/null && pwd -P) || fail "There is no directory $prefix."
    [ "$root" != / ] || fail 'The prefix cannot be /: run setup.sh as root and without --prefix.'
  elif [ "$(id -u)" -ne 0 ]; then
    fail 'This needs root: run it with sudo, or with --prefix DIR to install below a directory of your own.'
  fi
  if [ "$mode" = system ] && { ! command -v systemctl >/dev/null || [ ! -d /run/systemd/system ]; }; then
    fail 'This machine does not run systemd. Use --docker, or --prefix DIR and start it at boot by other means.'
  fi
  etc=$root/etc/nats
  new=$etc.new
  old=$etc.previous
  conf=$etc/nats-leaf.conf
  data=$root/var/lib/nats/jetstream
  accounts=$root/var/lib/nats/accounts
  run=$root/run/nats
  log=$root/var/log/nats-leaf.log
  unit=/etc/systemd/system/nats-leaf.service
}
`;
