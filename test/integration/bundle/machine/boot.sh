#!/bin/sh
# Makes a machine out of this one, in namespaces of its own: boot.sh PROGRAMS NATS_SERVER
# What would be changed by an installation is a copy or empty; the machine ends with its standard input.
set -eu
mount -t tmpfs tmpfs /usr/local/sbin
cp "$1/systemctl" "$1/journalctl" "$1/docker" "$2" /usr/local/sbin
cp "$2" /usr/local/sbin/nats-server-next
# The machine has the one nats-server it was given, and no Compose but the stand-in.
for program in /usr/sbin/nats-server /usr/bin/nats-server /usr/local/bin/nats-server /usr/bin/docker-compose /usr/local/bin/docker-compose; do
  if [ -e "$program" ]; then mount --bind /dev/null "$program"; fi
done
mount -t tmpfs tmpfs /run
mkdir -p /run/etc /run/systemd/system /run/usr-local-lib
mount --bind /usr/local/lib /run/usr-local-lib
mount -t tmpfs tmpfs /usr/local/lib
for entry in /run/usr-local-lib/*; do ln -s "$entry" /usr/local/lib; done
rm -f /usr/local/lib/serviceradar-agent
cp -a /etc/. /run/etc
mount --bind /run/etc /etc
sed -i -e '/^nats:/d' -e '/^serviceradar:/d' -e '/^serviceradar-agent:/d' /etc/passwd /etc/group /etc/shadow /etc/gshadow
rm -rf /etc/nats /etc/nats.previous /etc/systemd/system/nats-leaf.service /etc/systemd/system/serviceradar-agent.service /etc/serviceradar
mount -t tmpfs tmpfs /var/lib
echo booted
read -r _ || true
