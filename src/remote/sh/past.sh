# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Says more of what ezsync did on a host than every run needs to know. Changes nothing. probe_history has set
# $newest and $history_max.

# What is about each change that can be gone back from.
show_changes() {
  for path in /var/lib/ezsync/changes/*; do
    number=${path##*/}
    if is_number "$number" && [ -r "$path/about" ]; then show_about "$number"; fi
  done
}

# NUMBER
show_journal() {
  section journal "$1"
  head -c "$history_max" "/var/lib/ezsync/changes/$1/journal" 2>/dev/null
}

# What is about all changes, the journal of the newest, and the record as it was before.
show_newest() {
  if [ "$newest" = 0 ]; then return; fi
  show_changes
  show_journal "$newest"
  if [ -e "/var/lib/ezsync/changes/$newest/state" ]; then
    section before
    head -c "$history_max" "/var/lib/ezsync/changes/$newest/state"
  fi
}

# What stood on the host before ezsync ever came: paths, services, the packages that came since by it, and the journals
# with the folders that were made.
show_origins() {
  show_changes
  section origins
  find /var/lib/ezsync/originals ! -type d 2>/dev/null
  section origin-units
  for path in /var/lib/ezsync/originals.units/*; do
    if read -r line 2>/dev/null <"$path"; then printf '%s\t%s\n' "${path##*/}" "$line"; fi
  done
  section origin-packages
  for path in /var/lib/ezsync/originals.packages/*; do
    if [ -e "$path" ]; then printf '%s\n' "${path##*/}"; fi
  done
  for path in /var/lib/ezsync/changes/*; do
    if is_number "${path##*/}"; then show_journal "${path##*/}"; fi
  done
}
