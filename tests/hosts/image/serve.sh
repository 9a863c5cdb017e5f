# shellcheck shell=sh
# Serves the package repository: joins the lab's cgroup, then its network, and becomes the web server.
# Arguments: CGROUP NETNS FOLDER ADDRESS:PORT
set -eu
echo $$ >"$1/cgroup.procs"
exec nsenter --net="$2" busybox httpd -f -p "$4" -h "$3"
