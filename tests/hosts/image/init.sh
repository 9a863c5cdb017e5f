#!/bin/sh
# The first process of a host with a clock of its own; it comes with the host's files, which the
# kernel's command line has unpacked over the disk. Lets the clock be set and becomes systemd.
set -eu
mount -t proc proc /proc
# shellcheck source=/dev/null # written for each host
. /etc/lab-clock
# systemd takes no time that is before its own build: the clock is set after it has looked, and before any
# time daemon does.
cat >/etc/systemd/system/lab-clock.service <<UNIT
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/date -s '$OFFSET seconds'
UNIT
mkdir -p /etc/systemd/system/sysinit.target.wants
ln -sf ../lab-clock.service /etc/systemd/system/sysinit.target.wants/
for module in /lab-modules/*; do busybox insmod "$module"; done
# The cable's name on every lab host.
ip link set vec0 name host0
# These hosts may set their clock: the time daemons run as they are.
rm -rf /etc/systemd/system/chrony.service.d /etc/systemd/system/systemd-timesyncd.service.d
exec /sbin/init
