# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Says what a host is. Changes nothing. Built-in commands before programs: each one costs.

probe_system() {
  section os-release
  cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release 2>/dev/null
  section uname
  uname -nrm
  section user
  id -u
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
    bounded 5 chronyd -v 2>&1
  elif [ "$packager" = apt-get ]; then
    # Which chrony the host would get, by the index that it has; apt's own caches stay as they are.
    section candidate
    apt-cache -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= policy chrony 2>/dev/null
  fi
}
