#!/bin/sh
# Turns a fresh root of mmdebstrap into the image of a lab host; runs as mmdebstrap's customize hook.
# Takes the root's path, and from the environment:
#   LAB_FILES     folder whose files go over the root's own
#   LAB_PACKAGES  folder that receives the .deb files of the lab's package repository
#   LAB_OFFER     names of the packages that the repository offers
set -eu
root=$1

# First, while apt still knows the real mirror. What these packages need beyond the image comes along.
chroot "$root" apt-get clean
# shellcheck disable=SC2086 # a list of names
chroot "$root" apt-get install --yes --no-install-recommends --download-only --reinstall $LAB_OFFER
mv "$root"/var/cache/apt/archives/*.deb "$LAB_PACKAGES/"

cp -R "$LAB_FILES/." "$root/"
# The settings that mmdebstrap itself needed.
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
rm -rf "$root"/etc/apt/sources.list.d/*

# Each host gets keys of its own.
rm -f "$root"/etc/ssh/ssh_host_*

for user in ops nosudo; do
    chroot "$root" useradd --create-home --shell /bin/bash "$user"
    # No password fits, yet the account is not locked.
    chroot "$root" usermod --password '*' "$user"
done

chroot "$root" systemctl enable lab-network.service
# Timers that take apt's lock or wait for a network that is not there.
chroot "$root" systemctl mask apt-daily.timer apt-daily-upgrade.timer
