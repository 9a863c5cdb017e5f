# shellcheck shell=sh disable=SC2154,SC2034 # variables and functions are shared between these files
# Files and folders. A candidate is written beside its target, checked there, and renamed into
# place; what stood there is kept until the whole run has worked. $work is the run's folder on
# the host, $token its random word, $number the number of the change. All that is needed for the way back is
# there before anything is activated.

# The file itself when the path is a link: the link stays.
real_path() {
  if [ -L "$1" ]; then readlink -f "$1"; else printf '%s\n' "$1"; fi
}

# PATH KIND: where this change keeps its candidate (new) or what stood at PATH (old): in the same
# folder, so that a rename is enough, under a name that nobody can guess.
beside() {
  printf '%s/.%s.%s-%s.%s\n' "${1%/*}" "${1##*/}" "$token" "$number" "$2"
}

# PATH [ADVICE]: whether the folder is there that it is to stand in.
has_folder() {
  if [ ! -d "${1%/*}/" ]; then
    printf 'the folder %s does not exist%s\n' "${1%/*}" "${2:+: $2}"
    return 1
  fi
}

# PATH MODE OWNER GROUP: writes the candidate and has it checked. The functions content_N and
# validate_N come with the run.
file_stage() {
  target=$(real_path "$1")
  if [ -z "$target" ]; then
    printf '%s leads to a folder that does not exist\n' "$1"
    return 1
  fi
  has_folder "$target" || return 1
  candidate=$(beside "$target" new)
  note_litter "$candidate" || return 1
  # Nobody else reads a secret: not while it is written, and not before it has its attributes.
  if ! (umask 077 && "content_$number" 2>/dev/null >"$candidate"); then
    # Shells do not say why they cannot write.
    (umask 077 && "content_$number" | cat >"$candidate") || return 1
  fi
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
  "validate_$number" "$candidate" && put_aside "$target"
}

# What stands at PATH, in a word that changes with it; `-` when that is nothing.
stands() {
  stat -c %d:%i:%Y:%s "$1" 2>/dev/null || echo -
}

# PATH: keeps what stands there under a second name beside it, and notes that; once, also for several tasks.
put_aside() {
  standing=$(stands "$1")
  if is_put_aside "$standing" "$1"; then return 0; fi
  saved=-
  if [ "$standing" != - ]; then
    saved=$(beside "$1" "${2-}old")
    # A second name for the same file keeps every attribute; not all file systems have that.
    note_litter "$saved" && { ln "$1" "$saved" 2>/dev/null || cp -P -p "$1" "$saved"; } || return 1
  fi
  note_path "$1" "$saved" && printf '%s\n' "$standing $1" >>"$work/stood"
}

# WORD PATH
is_put_aside() {
  grep -q -x -F -e "$1 $2" "$work/stood" 2>/dev/null
}

# PATH: the same once more where something else stands there by now: another step's, or somebody's.
put_aside_anew() {
  if ! is_put_aside "$(stands "$1")" "$1"; then
    put_aside "$1" anew. && make_durable "$work/journal" "$work/change/journal"
  fi
}

file_commit() {
  target=$(real_path "$1")
  put_aside_anew "$target" && mv -f "$(beside "$target" new)" "$target" || return 1
  label "$target"
  # A service that this run has started before now has not read this file.
  started=
}

# Only the folders that this makes are taken away again.
directory_make() {
  note_made "$1" && mkdir -p "$1" && attributes_apply "$2" "$3" "$4" "$1" || return 1
  label "$1"
}

note_made() {
  if [ -d "$1" ] || [ -z "$1" ]; then return 0; fi
  note_made "${1%/*}" && note made "$1"
}

# PATH; of a link, it is about what that leads to. busybox's chown would take the group of the link for that
# of the file.
attributes_stage() {
  target=$(real_path "$1")
  numbers=$(stat -c '%a %u %g' "$target") || return 1
  # shellcheck disable=SC2086 # three words
  note attributes "$target" $numbers
}

# PATH MODE OWNER GROUP
attributes_set() {
  attributes_apply "$2" "$3" "$4" "$(real_path "$1")"
}

# What is removed is put aside, in the same folder, until the run has worked.
path_stage() {
  saved=$(beside "$1" old)
  note_litter "$saved" && note_path "$1" "$saved"
}

path_remove() {
  if [ -e "$1" ] || [ -L "$1" ]; then mv -f "$1" "$(beside "$1" old)"; fi
}
