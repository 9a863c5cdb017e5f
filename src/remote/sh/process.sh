# shellcheck shell=sh disable=SC2154,SC2034 # variables and functions are shared between these files
# Who holds a host or ends a run: a process is known by its number, its start and the boot, which stand in a file with
# other words about it.

# Which boot this is.
boot_id() {
  if read -r id 2>/dev/null </proc/sys/kernel/random/boot_id; then printf '%s\n' "$id"; fi
}

# PID: sets $born, when it was started; empty when there is none.
process_start() {
  born=
  if read -r born 2>/dev/null <"/proc/$1/stat"; then
    # Behind the name, which may hold anything: it is the 22nd field.
    # shellcheck disable=SC2086 # a list of words
    set -- ${born##*) }
    # One that is dead and whose parent has not asked for it yet is none.
    case $1 in
      Z | X) born= ;;
      *) born=${20} ;;
    esac
  fi
}

# FILE KEY: a value of a file with lines of a key and a value.
value_of() {
  if [ ! -r "$1" ]; then return; fi
  while IFS=$tab read -r key value; do
    if [ "$key" = "$2" ]; then printf '%s\n' "$value"; fi
  done <"$1"
}

# OWNER-FILE: whether the process still runs; sets $pid. A number alone may be somebody else's by now.
is_alive() {
  pid=$(value_of "$1" pid)
  if ! is_number "$pid" || [ "$(value_of "$1" boot)" != "$(boot_id)" ]; then return 1; fi
  process_start "$pid"
  [ -n "$born" ] && [ "$born" = "$(value_of "$1" start)" ]
}
