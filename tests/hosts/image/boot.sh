# shellcheck shell=sh
# Boots one host: joins its cgroup, lays its own layer over the image, and becomes systemd-nspawn.
# Runs in a mount namespace of its own, so the overlay goes when the host goes, however it ends.
# Arguments: CGROUP NETNS IMAGE_ROOT HOST_FOLDER, then systemd-nspawn's.
set -eu
cgroup=$1 netns=$2 image=$3 folder=$4
shift 4
echo $$ >"$cgroup/cgroup.procs"
# systemd-nspawn's own notes, by machine name, which other labs use as well: they go with the host too.
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
mount -t overlay overlay -o "lowerdir=$image,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
# Not `ip netns exec`: it mounts a fresh /sys, which hides the cgroup tree that systemd-nspawn needs.
exec nsenter --net="$netns" systemd-nspawn --directory="$folder/root" "$@"
