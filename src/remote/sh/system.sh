# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# The time zone, the clock, and commands.

# What stood there is kept as it is: a link, a copy of a zone (as old installers left it), nothing.
timezone_stage() {
  if [ ! -f "/usr/share/zoneinfo/$1" ]; then
    printf 'the host has no time zone %s in /usr/share/zoneinfo\n' "$1"
    return 1
  fi
  candidate=$(beside /etc/localtime new)
  note_litter "$candidate" && ln -s "/usr/share/zoneinfo/$1" "$candidate" && put_aside /etc/localtime || return 1
  if [ -f /etc/timezone ]; then
    candidate=$(beside /etc/timezone new)
    note_litter "$candidate" && printf '%s\n' "$1" >"$candidate" && put_aside /etc/timezone
  fi
}

timezone_set() {
  for file in /etc/localtime /etc/timezone; do
    candidate=$(beside "$file" new)
    if [ -e "$candidate" ] || [ -L "$candidate" ]; then
      put_aside_anew "$file" && mv -f "$candidate" "$file" || return 1
    fi
  done
  timezone_tell
}

# timedatectl asks a daemon, which remembers the zone for as long as it runs.
timezone_tell() {
  if [ "$(service_manager)" = systemd ]; then systemctl try-restart systemd-timedated 2>/dev/null || :; fi
}

# SECONDS WHOLE_SECONDS BACK WHOLE_BACK: sets the clock so much forward, or back when they are less than 0;
# the other two take that back.
clock_set() {
  note clock "$3" "$4" && shift_clock "$1" "$2" && boot_id >"$work/clock"
}

# GNU date reads the clock and sets it in one go: how long anything takes does not matter. Others set
# whole seconds. The hardware clock is set as well, or the old time is back after the next boot: the kernel
# does it only for a clock that follows another.
shift_clock() {
  if date -u -d 'now +0.5 seconds' >/dev/null 2>&1; then
    date -u -s "now $1 seconds" || return 1
  else
    # busybox's date is content when it may not set the clock: what it says of that tells.
    if date -u -s "@$(($(date +%s) + $2))" 2>&1 >/dev/null | grep .; then return 1; fi
  fi
  if have hwclock; then bounded 10 hwclock -w || :; fi
}

# FOLDER LINE
command_run() {
  (cd "$1" && sh -c "$2")
}
