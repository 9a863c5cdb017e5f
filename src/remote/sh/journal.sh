# shellcheck shell=sh disable=SC2154,SC2034 # variables and functions are shared between these files
# The journal of a change: what stood there, written before a step acts and read backwards to undo it.
# $work is the run's folder on the host. `journal` names what is kept beside its place, so that undoing is a
# rename that needs no room; `change` is the folder that the history gets: its journal names `saved/K`.
# Undoing may be cut off itself, and is done again from the start then: each line may be undone twice.

line_end=$(printf '\n.')
line_end=${line_end%.}

# FIELDS...: a line of both journals.
note() {
  fields_are_sound "$@" || return 1
  line=$1
  shift
  for field; do line="$line$tab$field"; done
  printf '%s\n' "$line" >>"$work/journal" && printf '%s\n' "$line" >>"$work/change/journal"
}

# Settings with such characters are refused before; a link may lead to anything.
fields_are_sound() {
  case $* in
    *"$tab"* | *"$line_end"*)
      echo 'a path with a tab or a line end in it cannot be noted for the way back'
      return 1
      ;;
  esac
}

# PATH SAVED: what stands at PATH is to be replaced, made or removed; SAVED is or will be what stood there, or
# `-` when that is nothing.
note_path() {
  fields_are_sound "$@" || return 1
  kept=-
  if [ "$2" != - ]; then
    saves=$((saves + 1))
    kept=saved/$saves
    # A second name for the same file; not all file systems have that, and this may be another one. What is a
    # folder is moved when the change is kept.
    if [ ! -e "$2" ] && [ ! -L "$2" ]; then
      printf '%s\t%s\n' "$2" "$saves" >>"$work/later" || return 1
    else
      ln "$2" "$work/change/$kept" 2>/dev/null || cp -P -p "$2" "$work/change/$kept" || return 1
    fi
  fi
  printf 'path\t%s\t%s\n' "$1" "$2" >>"$work/journal" &&
    printf 'path\t%s\t%s\n' "$1" "$kept" >>"$work/change/journal"
}

# PATH...: they are removed with the run, whatever becomes of it. What ends in `.old` may be all that is left
# of something: it stays when it could not be put back.
note_litter() {
  printf '%s\n' "$@" >>"$work/litter"
}

# COMMAND...: shows what it prints only when it fails. A daemon that it starts may keep its output open for
# good: that is a file, and no pipe. Where nothing can be written it goes nowhere.
quietly() {
  log=$work/undo.log
  if ! true 2>/dev/null >"$log"; then log=/dev/null; fi
  if "$@" >"$log" 2>&1 </dev/null; then return 0; fi
  cat "$log"
  return 1
}

# Undoes the change: files first, for services restart with these. What cannot be undone is printed. Before
# `begun` nothing that stood there was touched: whatever stands there by now stays.
undo_change() {
  if [ ! -f "$work/journal" ]; then return 0; fi
  # A folder that the run has made must be empty to go.
  if [ -f "$work/litter" ]; then
    while IFS= read -r path; do
      case $path in *.new) rm -rf "$path" ;; esac
    done <"$work/litter"
  fi
  backwards | undo_files || echo 'the way back was ended by something'
  if [ ! -e "$work/begun" ]; then return 0; fi
  if [ -e "$work/reloaded" ]; then quietly service_reload_units yes; fi
  backwards | undo_units || echo 'the way back was ended by something'
}

# The lines of the journal, the last one first.
backwards() {
  sed -n '1!G;h;$p' "$work/journal"
}

undo_files() {
  while IFS=$tab read -r kind path field more last; do
    case $kind in
      made) rmdir "$path" 2>/dev/null || : ;;
      clock) quietly undo_clock "$path" "$field" ;;
    esac
    if [ ! -e "$work/begun" ]; then continue; fi
    case $kind in
      path) quietly undo_path "$path" "$field" ;;
      attributes) if [ -e "$path" ]; then quietly attributes_apply "$field" "$more" "$last" "$path"; fi ;;
    esac
  done
  return 0
}

# PATH SAVED. Where there is no SAVED it has been put back already, or nothing has been done yet.
undo_path() {
  case $2 in
    # The end of the line never came.
    '') return 0 ;;
    -)
      if [ ! -d "$1" ] || [ -L "$1" ]; then
        rm -f "$1" || return 1
      # A folder is removed where this run has put it there: it was a way back.
      elif grep -q -x -F -e "$1" "$work/folders" 2>/dev/null; then
        rm -rf "$1" || return 1
      else
        printf '%s is a folder by now and stays\n' "$1"
        return 1
      fi
      ;;
    *)
      if [ ! -e "$2" ] && [ ! -L "$2" ]; then return 0; fi
      # Two names of one file: it was not replaced yet. mv does nothing then, or fails.
      if [ "$(stat -c %d:%i "$2")" = "$(stat -c %d:%i "$1" 2>/dev/null)" ]; then
        rm -f "$2"
        return
      fi
      if [ -d "$1" ]; then
        printf '%s is there again; what stood there is kept as %s\n' "$1" "$2"
        return 1
      fi
      if ! mv -f "$2" "$1"; then
        # It was a copy, and what stands there was never replaced: a file that nobody may change.
        if cmp -s "$2" "$1"; then
          rm -f "$2"
          return
        fi
        printf 'what stood at %s is kept as %s\n' "$1" "$2"
        return 1
      fi
      ;;
  esac
  if [ "$1" = /etc/localtime ]; then timezone_tell; fi
}

# SECONDS WHOLE: only a clock that was set is set back, and only once: after a boot it is another one.
undo_clock() {
  if [ -f "$work/clock" ] && [ "$(cat "$work/clock")" = "$(boot_id)" ]; then
    rm -f "$work/clock"
    shift_clock "$1" "$2"
  fi
}

# The last line about a service is the one that counts: more may be known by then.
undo_units() {
  seen=' '
  while IFS=$tab read -r kind name active enabled masked; do
    if [ "$kind" != unit ]; then continue; fi
    case $seen in *" $name "*) continue ;; esac
    seen="$seen$name "
    quietly service_undo "$name" "$active" "$enabled" "$masked"
  done
  return 0
}

# MODE OWNER GROUP PATH; `-` leaves one as it is.
attributes_apply() {
  case $2:$3 in
    -:-) ;;
    -:*) chgrp "$3" "$4" || return 1 ;;
    *:-) chown "$2" "$4" || return 1 ;;
    *) chown "$2:$3" "$4" || return 1 ;;
  esac
  if [ "$1" != - ]; then chmod "$1" "$4"; fi
}

# SELinux: a renamed file keeps the label of its candidate, which may be a wrong one.
label() {
  if have restorecon; then restorecon "$1" 2>/dev/null || :; fi
}

# PATHS...: nothing of them is lost with the power. Older programs know no paths and write everything.
make_durable() {
  bounded 60 sync "$@" 2>/dev/null || bounded 60 sync
}
