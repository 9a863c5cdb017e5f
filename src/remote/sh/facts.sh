# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Says what a host is. Changes nothing. Built-in commands before programs: each one costs.

# FILE: its lines, where it can be read.
show_lines() {
  if [ ! -f "$1" ] || [ ! -r "$1" ]; then return 1; fi
  while IFS= read -r line || [ -n "$line" ]; do printf '%s\n' "$line"; done <"$1"
}

# The number of the user whose rights the script has: the second of the four in the line `Uid:`.
own_user() {
  while read -r key _ number _; do
    if [ "$key" = Uid: ]; then
      printf '%s\n' "$number"
      return
    fi
  done 2>/dev/null </proc/self/status
  id -u
}

# Host, kernel and architecture; Linux before 6.1 tells the last one only by its system call.
own_names() {
  if read -r name </proc/sys/kernel/hostname && read -r kernel </proc/sys/kernel/osrelease &&
    read -r machine </proc/sys/kernel/arch; then
    printf '%s %s %s\n' "$name" "$kernel" "$machine"
  else
    uname -nrm
  fi
} 2>/dev/null

probe_system() {
  section os-release
  for file in /etc/os-release /usr/lib/os-release; do
    if show_lines "$file"; then break; fi
  done
  section uname
  own_names
  section user
  own_user
  section manager
  service_manager
  section container
  if [ -r /run/systemd/container ]; then
    read -r line </run/systemd/container
    printf '%s\n' "$line"
  elif [ -e /.dockerenv ]; then
    echo docker
  elif [ -e /run/.containerenv ]; then
    echo podman
  fi
  section packager
  find_packager
  printf '%s\n' "$packager"
  section addresses
  if have ip; then ip -o addr show scope global 2>/dev/null; fi
  section leap
  if [ -e /usr/share/zoneinfo/right/UTC ]; then echo zone; fi
  if [ -e /usr/share/zoneinfo/leap-seconds.list ]; then echo list; fi
  section chronyd
  if have chronyd; then
    # It says that and ends, whatever becomes of the daemon.
    chronyd -v 2>&1
  elif [ "$packager" = apt-get ]; then
    # Which chrony the host would get, by the index that it has; apt's own caches stay as they are.
    section candidate
    apt-cache -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= policy chrony 2>/dev/null
  fi
}
