# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Says what stands on a host: packages, services, paths, the time zone. Changes nothing.

# COMMAND...: prints all that it prints at once; it is text. Each piece would travel in a packet of its own, and
# sshd sends no small one while another is on its way (Nagle's algorithm).
in_one_piece() {
  text=$("$@")
  printf '%s\n' "$text" 2>/dev/null || :
}

# COMMAND...: the same for bytes of all kinds. It takes a process, which pays where the host is $far.
gathered() {
  if [ -n "$far" ] && dd obs=1 </dev/null 2>/dev/null; then
    "$@" | dd obs=262144 2>/dev/null
  else
    "$@"
  fi
}

# What list_packages says of these.
probe_packages() {
  section packages
  list_packages "$@"
}

# Prints what systemd's `show` prints for each service: blocks with an empty line in between. It takes more than
# a millisecond for each, there or not: it is not asked about those that cannot be there.
probe_units() {
  section units
  if [ -d /run/systemd/system ]; then
    file='' path=''
    for name; do
      shift
      if ! unit_may_exist "$name"; then
        printf 'Id=%s.service\nLoadState=not-found\nActiveState=inactive\n\n' "$name"
      elif is_alias; then
        printf 'Id=%s.service\nSameAs=%s\n\n' "$name" "$other"
      else
        set -- "$@" "$name"
        file=$path other=$name
      fi
    done
    if [ $# = 0 ]; then return; fi
    systemctl show --property=Id,Names,LoadState,ActiveState,UnitFileState,ConditionResult \
      --property=ConditionTimestampMonotonic,ExecStart -- "$@" 2>&1
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

# Whether $path is a link to $file, the one of the service before. A masked one is none.
is_alias() {
  # shellcheck disable=SC3013 # dash, busybox and bash know -ef, and so does POSIX since 2024
  [ "$path" -ef "$file" ] && [ ! "$path" -ef /dev/null ]
}

# NAME: whether systemd may know a service of this name, and sets $path to what tells that: by a file in one of the folders of systemd.unit(5), or,
# without one, since it was started and runs on.
unit_may_exist() {
  path=
  # Another kind of unit, an instance, a pattern.
  case $1 in *[!a-z0-9-]*) return 0 ;; esac
  for path in /etc/systemd/*/"$1.service" /usr/local/lib/systemd/system/"$1.service" \
    /usr/lib/systemd/system/"$1.service" /lib/systemd/system/"$1.service" /run/systemd/*/"$1.service" \
    /run/systemd/units/invocation:"$1.service" /sys/fs/cgroup/*.slice/"$1.service" \
    /sys/fs/cgroup/systemd/*.slice/"$1.service"; do
    if [ -e "$path" ] || [ -L "$path" ]; then return 0; fi
  done
  return 1
}

# Prints mode|owner|uid|group|gid|size|kind|path for each path that exists, then the bytes of files.
# A link stands for what it leads to, or for itself when that is not there.
probe_paths() {
  section paths
  stat -L -c '%a|%U|%u|%G|%g|%s|%F|%n' -- "$@" 2>/dev/null
  for path in "$@"; do
    if [ -L "$path" ] && [ ! -e "$path" ]; then stat -c '%a|%U|%u|%G|%g|%s|%F|%n' -- "$path"; fi
  done
  number=0
  for path in "$@"; do
    if [ -f "$path" ] && [ -r "$path" ]; then
      section content "$number"
      # Larger files are told apart from wanted ones by their size.
      head -c "$content_max" "$path"
    fi
    number=$((number + 1))
  done
}

# ZONES...: which one it is, and which of these the host has; where one is missing, all that it has.
probe_timezone() {
  section timezone
  current_timezone
  section zones
  missing=
  for zone in "$@"; do
    if [ -f "/usr/share/zoneinfo/$zone" ]; then printf '%s\n' "$zone"; else missing=yes; fi
  done
  if [ -n "$missing" ] && cd /usr/share/zoneinfo 2>/dev/null; then
    find . \( -name posix -o -name right \) -prune -o -type f -print | sed 's|^\./||'
    cd / || return
  fi
}

# The zone's name, from the link that every distribution has, or Debian's and Alpine's file.
current_timezone() {
  zone=$(readlink /etc/localtime 2>/dev/null)
  case $zone in
    */zoneinfo/*) printf '%s\n' "${zone##*/zoneinfo/}" ;;
    *) if [ -r /etc/timezone ]; then cat /etc/timezone; else echo UTC; fi ;;
  esac
}
