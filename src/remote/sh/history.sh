# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Says what ezsync did on a host before: see history in ARCHITECTURE.md. Changes nothing. Built-in commands
# before programs: each one costs, and this is asked by every run.

# The most that is read of a record (bytes).
history_max=1048576

# Prints KEY<tab>VALUE: the number of the newest change, runs that have not ended, and who holds the lock;
# then the record. Nothing where ezsync has never been.
probe_history() {
  newest=0
  if [ ! -d /var/lib/ezsync ]; then return; fi
  section history
  for path in /var/lib/ezsync/changes/*; do
    number=${path##*/}
    if is_number "$number" && [ "$number" -gt "$newest" ]; then newest=$number; fi
  done
  printf 'newest\t%s\n' "$newest"
  for path in /var/lib/ezsync/run.??????; do
    if [ -e "$path/kept" ]; then
      printf 'unfinished\tkept\n'
    elif [ -e "$path/begun" ]; then
      printf 'unfinished\tbegun\n'
    elif [ -d "$path" ]; then
      printf 'unfinished\tstaged\n'
    fi
  done
  if [ -d /var/lib/ezsync/lock ]; then history_lock; fi
  if [ -e /var/lib/ezsync/left ]; then
    section left
    head -c 4096 /var/lib/ezsync/left 2>/dev/null
  fi
  if [ -e /var/lib/ezsync/state ]; then
    section state
    head -c "$history_max" /var/lib/ezsync/state 2>/dev/null
  fi
}

# Whether the text is a number that the shell can count with, without a leading zero.
is_number() {
  case $1 in
    '' | 0* | *[!0-9]* | ????????????????*) return 1 ;;
  esac
}

# Who holds the lock, for how many seconds by this host's clock, and whether that process is there.
history_lock() {
  by='' at='' pid='' start='' boot=''
  if [ -r /var/lib/ezsync/lock/owner ]; then
    while IFS='	' read -r key value; do
      case $key in
        by) by=$value ;;
        at) at=$value ;;
        pid) pid=$value ;;
        start) start=$value ;;
        boot) boot=$value ;;
      esac
    done </var/lib/ezsync/lock/owner
  fi
  printf 'lock\t%s\n' "$by"
  if is_number "$at"; then printf 'age\t%s\n' "$(($(date +%s) - at))"; fi
  if history_alive; then printf 'alive\tyes\n'; fi
}

# Whether the process $pid was started at $start of the boot $boot: a number alone may be somebody else's.
history_alive() {
  is_number "$pid" && read -r this </proc/sys/kernel/random/boot_id && [ "$this" = "$boot" ] || return 1
  if ! read -r this 2>/dev/null <"/proc/$pid/stat"; then return 1; fi
  # The name in brackets may hold anything. What follows it begins with the third field.
  # shellcheck disable=SC2086 # one word a field
  set -- ${this##*)}
  # One that is dead and whose parent has not asked for it yet is none.
  [ "$1" != Z ] && [ "${20}" = "$start" ]
}
