# shellcheck shell=sh disable=SC2154,SC2034 # variables and functions are shared between these files
# Files and folders. A candidate is written beside its target, checked there, and renamed into
# place; what stood there is kept until the whole run has worked. $work is the run's folder on
# the host, $token its random word, $number the number of the change.

# The file itself when the path is a link: the link stays.
real_path() {
  if [ -L "$1" ]; then readlink -f "$1"; else printf '%s\n' "$1"; fi
}

candidate_of() {
  printf '%s/.%s.%s.new\n' "${1%/*}" "${1##*/}" "$token"
}

saved_of() {
  printf '%s/.%s.%s.old\n' "${1%/*}" "${1##*/}" "$token"
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

# PATH MODE OWNER GROUP: writes the candidate and has it checked. The functions content_N and
# validate_N come with the run.
file_stage() {
  target=$(real_path "$1")
  candidate=$(candidate_of "$target")
  saved=$(saved_of "$target")
  if [ ! -d "${target%/*}" ]; then
    printf 'the folder %s does not exist\n' "${target%/*}"
    return 1
  fi
  printf '%s\n' "$candidate" >>"$work/litter"
  printf '%s\n' "$saved" >>"$work/litter"
  # umask 077 holds: nobody else reads a secret while it is being written.
  "content_$number" >"$candidate" || return 1
  if [ -e "$target" ]; then
    attributes_apply "$(stat -c %a "$target")" "$(stat -c %U "$target")" "$(stat -c %G "$target")" "$candidate"
  else
    chmod 0644 "$candidate"
  fi
  attributes_apply "$2" "$3" "$4" "$candidate" || return 1
  label "$candidate"
  "validate_$number" "$candidate"
}

# The first time that a path changes, what stood there is kept for the way back.
original_keep() {
  kept=/var/lib/ezsync/originals$1
  if [ -e "$kept" ] || [ -e "$kept.none" ]; then return 0; fi
  mkdir -p "${kept%/*}" || return 1
  if [ -e "$1" ]; then cp -p "$1" "$kept"; else : >"$kept.none"; fi
}

file_commit() {
  target=$(real_path "$1")
  original_keep "$target" || return 1
  if [ -e "$target" ]; then
    saved=$(saved_of "$target")
    # A second name for the same file keeps every attribute; not all file systems have that.
    ln -f "$target" "$saved" 2>/dev/null || cp -p "$target" "$saved" || return 1
  fi
  : >"$work/$number.done"
  mv -f "$(candidate_of "$target")" "$target" || return 1
  label "$target"
  # A service that this run has started before now has not read this file.
  started=
}

file_undo() {
  if [ ! -e "$work/$number.done" ]; then return 0; fi
  target=$(real_path "$1")
  saved=$(saved_of "$target")
  if [ -e "$saved" ]; then mv -f "$saved" "$target"; else rm -f "$target"; fi
}

directory_make() {
  # Only the folders that this makes are taken away again.
  path=$1
  while [ ! -d "$path" ] && [ -n "$path" ]; do
    printf '%s\n' "$path" >>"$work/$number.made"
    path=${path%/*}
  done
  (umask 022 && mkdir -p "$1") || return 1
  attributes_apply "$2" "$3" "$4" "$1" || return 1
  label "$1"
}

directory_undo() {
  if [ ! -e "$work/$number.made" ]; then return 0; fi
  while read -r path; do
    rmdir "$path" 2>/dev/null || :
  done <"$work/$number.made"
}

# PATH MODE OWNER GROUP
attributes_set() {
  stat -c '%a %U %G' "$1" >"$work/$number.attributes" || return 1
  attributes_apply "$2" "$3" "$4" "$1"
}

attributes_undo() {
  if [ ! -e "$work/$number.attributes" ]; then return 0; fi
  read -r mode owner group <"$work/$number.attributes"
  attributes_apply "$mode" "$owner" "$group" "$1"
}

# What is removed is put aside in the run's folder until the run has worked.
path_remove() {
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then return 0; fi
  if [ -f "$1" ]; then original_keep "$1" || return 1; fi
  mkdir "$work/$number.removed" && mv "$1" "$work/$number.removed/"
}

path_remove_undo() {
  if [ -d "$work/$number.removed" ]; then mv "$work/$number.removed/${1##*/}" "$1"; fi
}
