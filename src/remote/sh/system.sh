# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# The time zone, and commands.

# What stood there is kept as it is: a link, a copy of a zone (as old installers left it), nothing.
timezone_set() {
  if [ ! -f "/usr/share/zoneinfo/$1" ]; then
    printf 'the host has no time zone %s in /usr/share/zoneinfo\n' "$1"
    return 1
  fi
  for file in /etc/localtime /etc/timezone; do
    beside "$file" new >>"$work/litter"
    if [ -e "$file" ] || [ -L "$file" ]; then put_aside "$file" || return 1; fi
  done
  candidate=$(beside /etc/localtime new)
  ln -s "/usr/share/zoneinfo/$1" "$candidate" && mv -f "$candidate" /etc/localtime || return 1
  : >"$work/$number.done"
  if [ -f /etc/timezone ]; then
    candidate=$(beside /etc/timezone new)
    printf '%s\n' "$1" >"$candidate" && mv -f "$candidate" /etc/timezone || return 1
  fi
  timezone_tell
}

# timedatectl asks a daemon, which remembers the zone for as long as it runs.
timezone_tell() {
  if [ "$(service_manager)" = systemd ]; then systemctl try-restart systemd-timedated 2>/dev/null || :; fi
}

timezone_undo() {
  if [ ! -e "$work/$number.done" ]; then return 0; fi
  for file in /etc/localtime /etc/timezone; do
    saved=$(beside "$file" old)
    if [ -e "$saved" ] || [ -L "$saved" ]; then
      move_back "$saved" "$file" || return 1
    else
      rm -f "$file"
    fi
  done
  timezone_tell
}

# FOLDER LINE
command_run() {
  (cd "$1" && sh -c "$2")
}
