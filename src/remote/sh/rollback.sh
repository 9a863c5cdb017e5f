# shellcheck shell=sh disable=SC2154,SC2034 # variables and functions are shared between these files
# Puts back what is kept of a host's past, as a change like any other.

# PATH SAVED: a copy of what is to stand at PATH, beside it. Links are links here, and stay.
restore_stage() {
  if [ ! -e "$2" ] && [ ! -L "$2" ]; then
    printf '%s is not kept any more\n' "$2"
    return 1
  fi
  has_folder "$1" 'make it again (mkdir -p), then run again' || return 1
  candidate=$(beside "$1" new)
  if [ -d "$2" ] && [ ! -L "$2" ]; then printf '%s\n' "$1" >>"$work/folders" || return 1; fi
  note_litter "$candidate" && (umask 077 && cp -R -P -p "$2" "$candidate") && put_aside "$1"
}

# PATH
restore_commit() {
  put_aside_anew "$1" && mv -f "$(beside "$1" new)" "$1" || return 1
  label "$1"
  if [ "$1" = /etc/localtime ]; then timezone_tell; fi
  # A service that this run has started before now has not read this file.
  started=
}

# PATH: removes a folder that ezsync made, if nothing is in it but what this run has put aside.
restore_folder() {
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    case $entry in
      *".$token-"*.old) ;;
      *) if [ -e "$entry" ] || [ -L "$entry" ]; then return 0; fi ;;
    esac
  done
  path_remove "$1"
}
