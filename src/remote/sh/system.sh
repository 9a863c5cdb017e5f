# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# The time zone, and commands.

timezone_apply() {
  if [ ! -e "/usr/share/zoneinfo/$1" ]; then
    printf 'the host has no time zone %s in /usr/share/zoneinfo\n' "$1"
    return 1
  fi
  ln -sfn "/usr/share/zoneinfo/$1" /etc/localtime || return 1
  if [ -f /etc/timezone ]; then printf '%s\n' "$1" >/etc/timezone; fi
}

timezone_set() {
  current_timezone >"$work/timezone" || return 1
  timezone_apply "$1"
}

timezone_undo() {
  if [ ! -e "$work/timezone" ]; then return 0; fi
  read -r zone <"$work/timezone"
  timezone_apply "$zone"
}

# FOLDER LINE
command_run() {
  (umask 022 && cd "$1" && sh -c "$2" </dev/null)
}
