/** Where the files of a leaf are. */
export const LAYOUT = String.raw`
# Sets where files go: all of them below $root.
choose_layout() {
  choose_root
  if [ "$mode" = system ] && ! has_systemd; then
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
