# shellcheck shell=sh disable=SC2154,SC2034 # variables and functions are shared between these files
# Files and folders. A candidate is written beside its target, checked there, and renamed into
# place; what stood there is kept until the whole run has worked. $work is the run's folder on
# the host, $token its random word, $number the number of the change.

# The file itself when the path is a link: the link stays.
real_path() {
  if [ -L "$1" ]; then readlink -f "$1"; else printf '%s\n' "$1"; fi
}

# PATH KIND: where this change keeps its candidate (new) or what stood at PATH (old): in the same
# folder, so that a rename is enough, under a name that nobody can guess.
beside() {
  printf '%s/.%s.%s-%s.%s\n' "${1%/*}" "${1##*/}" "$token" "$number" "$2"
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
  if [ -z "$target" ]; then
    printf '%s leads to a folder that does not exist\n' "$1"
    return 1
  fi
  if [ ! -d "${target%/*}/" ]; then
    printf 'the folder %s does not exist\n' "${target%/*}"
    return 1
  fi
  candidate=$(beside "$target" new)
  printf '%s\n' "$candidate" >>"$work/litter"
  # Nobody else reads a secret: not while it is written, and not before it has its attributes.
  (umask 077 && "content_$number" >"$candidate") || return 1
  mode=${2#-} owner=${3#-} group=${4#-}
  if [ -e "$target" ]; then
    # Numbers: an owner may have no name.
    # shellcheck disable=SC2046 # three words
    set -- $(stat -c '%a %u %g' "$target")
  else
    set -- 0644 - -
  fi
  attributes_apply "${mode:-$1}" "${owner:-$2}" "${group:-$3}" "$candidate" || return 1
  label "$candidate"
  "validate_$number" "$candidate"
}

# The first time that a path changes, what stood there is kept for the way back.
original_keep() {
  kept=/var/lib/ezsync/originals$1
  if [ -e "$kept" ] || [ -e "$kept.none" ]; then return 0; fi
  (umask 077 && mkdir -p "${kept%/*}") || return 1
  if [ ! -e "$1" ]; then
    : >"$kept.none"
    return
  fi
  # Half an original must never be taken for one.
  printf '%s\n' "$kept.part" >>"$work/litter"
  cp -p "$1" "$kept.part" && mv -f "$kept.part" "$kept"
}

# Keeps what stands at PATH beside it, for move_back.
put_aside() {
  saved=$(beside "$1" old)
  printf '%s\n' "$saved" >>"$work/litter"
  # A second name for the same file keeps every attribute; not all file systems have that.
  ln "$1" "$saved" 2>/dev/null || cp -P -p "$1" "$saved"
}

file_commit() {
  target=$(real_path "$1")
  original_keep "$target" || return 1
  if [ -e "$target" ]; then
    put_aside "$target" || return 1
  fi
  mv -f "$(beside "$target" new)" "$target" || return 1
  : >"$work/$number.done"
  label "$target"
  # A service that this run has started before now has not read this file.
  started=
}

# The candidate goes too: a folder that this run has made must be empty to go.
file_undo() {
  target=$(real_path "$1")
  rm -f "$(beside "$target" new)"
  if [ ! -e "$work/$number.done" ]; then return 0; fi
  saved=$(beside "$target" old)
  if [ -e "$saved" ]; then move_back "$saved" "$target"; else rm -f "$target"; fi
}

# SAVED PATH
move_back() {
  if mv -f "$1" "$2"; then return 0; fi
  printf 'what stood at %s is kept as %s\n' "$2" "$1"
  return 1
}

directory_make() {
  # Only the folders that this makes are taken away again.
  path=$1
  while [ ! -d "$path" ] && [ -n "$path" ]; do
    printf '%s\n' "$path" >>"$work/$number.made"
    path=${path%/*}
  done
  mkdir -p "$1" || return 1
  attributes_apply "$2" "$3" "$4" "$1" || return 1
  label "$1"
}

directory_undo() {
  if [ ! -e "$work/$number.made" ]; then return 0; fi
  while IFS= read -r path; do
    rmdir "$path" 2>/dev/null || :
  done <"$work/$number.made"
}

# PATH MODE OWNER GROUP; of a link, it is about what that leads to. busybox's chown would take the
# group of the link for that of the file.
attributes_set() {
  target=$(real_path "$1")
  stat -c '%a %u %g' "$target" >"$work/$number.attributes" || return 1
  attributes_apply "$2" "$3" "$4" "$target"
}

attributes_undo() {
  if [ ! -e "$work/$number.attributes" ]; then return 0; fi
  read -r mode owner group <"$work/$number.attributes"
  attributes_apply "$mode" "$owner" "$group" "$(real_path "$1")"
}

# What is removed is put aside, in the same folder, until the run has worked.
path_remove() {
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then return 0; fi
  if [ -f "$1" ]; then original_keep "$1" || return 1; fi
  saved=$(beside "$1" old)
  printf '%s\n' "$saved" >>"$work/litter"
  mv -f "$1" "$saved"
}

path_remove_undo() {
  saved=$(beside "$1" old)
  if [ ! -e "$saved" ] && [ ! -L "$saved" ]; then return 0; fi
  if [ -d "$1" ]; then
    printf '%s is there again; what stood there is kept as %s\n' "$1" "$saved"
    return 1
  fi
  move_back "$saved" "$1"
}
