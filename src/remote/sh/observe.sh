# shellcheck shell=sh
# Says what stands on a host: packages, services, paths, the time zone. Changes nothing.

# Prints NAME<tab>VERSION for each of the packages that is installed.
probe_packages() {
  section packages
  if have dpkg-query; then
    # The third word of the status is what counts: removed packages keep an entry.
    # shellcheck disable=SC2016
    dpkg-query -W -f='${Status}|${Package}\t${Version}\n' -- "$@" 2>/dev/null |
      sed -n 's/^[a-z]* [a-z]* installed|//p'
  elif have rpm; then
    rpm -q --qf '%{NAME}\t%{VERSION}-%{RELEASE}\n' -- "$@" 2>/dev/null
  elif have apk; then
    for name in "$@"; do
      if apk info -e "$name" >/dev/null 2>&1; then printf '%s\t-\n' "$name"; fi
    done
  elif have pacman; then
    pacman -Q -- "$@" 2>/dev/null | tr ' ' '\t'
  fi
}

# Prints what systemd's `show` prints for each service, in the order of the arguments.
probe_units() {
  section units
  if [ -d /run/systemd/system ]; then
    systemctl show --property=Id,LoadState,ActiveState,UnitFileState,ConditionResult \
      --property=ConditionTimestampMonotonic,ActiveEnterTimestampMonotonic,ExecStart -- "$@" 2>&1
    return
  fi
  for name in "$@"; do
    printf 'Id=%s\n' "$name"
    if [ -x "/etc/init.d/$name" ]; then
      echo LoadState=loaded
      if service_is_active "$name"; then echo ActiveState=active; else echo ActiveState=inactive; fi
      if service_is_enabled "$name"; then echo UnitFileState=enabled; fi
    else
      echo LoadState=not-found
    fi
    echo
  done
}

# Prints mode|owner|group|size|kind|path for each path that exists, then the bytes of files.
probe_paths() {
  section paths
  stat -L -c '%a|%U|%G|%s|%F|%n' -- "$@" 2>/dev/null
  number=0
  for path in "$@"; do
    if [ -f "$path" ] && [ -r "$path" ]; then
      section content "$number"
      # Larger files are told apart from wanted ones by their size.
      head -c 262144 "$path"
    fi
    number=$((number + 1))
  done
}

probe_timezone() {
  section timezone
  current_timezone
}

# The zone's name, from the link that every distribution has, or Debian's and Alpine's file.
current_timezone() {
  zone=$(readlink /etc/localtime 2>/dev/null)
  case $zone in
    */zoneinfo/*) printf '%s\n' "${zone##*/zoneinfo/}" ;;
    *) if [ -r /etc/timezone ]; then cat /etc/timezone; else echo UTC; fi ;;
  esac
}
