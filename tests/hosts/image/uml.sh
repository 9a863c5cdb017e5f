# shellcheck shell=sh
# Boots one host with a clock of its own: joins its cgroup, plugs a cable into the lab's bridge, and
# becomes a User-Mode-Linux kernel.
# Arguments: CGROUP NETNS BRIDGE LINK, then linux.uml's.
set -eu
cgroup=$1 netns=$2 bridge=$3 link=$4
shift 4
echo $$ >"$cgroup/cgroup.procs"
ip -n "${netns##*/}" tuntap add dev "$link" mode tap
ip -n "${netns##*/}" link set "$link" master "$bridge" up
exec nsenter --net="$netns" linux.uml "$@"
