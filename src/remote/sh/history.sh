# shellcheck shell=sh disable=SC2034,SC2154 # variables and functions are shared between these files
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
  number=$newest
  while [ "$number" -gt 0 ] && is_packages_only "$number"; do
    show_about "$number"
    number=$((number - 1))
  done
  if [ -e /var/lib/ezsync/left ]; then
    section left
    head -c 4096 /var/lib/ezsync/left 2>/dev/null
  fi
  if [ -e /var/lib/ezsync/state ]; then
    section state
    head -c "$history_max" /var/lib/ezsync/state 2>/dev/null
  fi
}

# Whether all that is left of the change with this number is packages: the rest of its run was undone.
is_packages_only() {
  if [ ! -r "/var/lib/ezsync/changes/$1/about" ]; then return 1; fi
  while IFS=$tab read -r key value; do
    if [ "$key" = stays ]; then return 0; fi
  done <"/var/lib/ezsync/changes/$1/about"
  return 1
}

# NUMBER
show_about() {
  section about "$1"
  head -c 4096 "/var/lib/ezsync/changes/$1/about" 2>/dev/null
}

# Who holds the lock, for how many seconds by this host's clock, and whether that process is there.
history_lock() {
  owner=/var/lib/ezsync/lock/owner
  printf 'lock\t%s\n' "$(value_of $owner by)"
  at=$(value_of $owner at)
  if is_number "$at"; then printf 'age\t%s\n' "$(($(date +%s) - at))"; fi
  if is_alive $owner; then printf 'alive\tyes\n'; fi
}
