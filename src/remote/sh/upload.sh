# shellcheck shell=sh disable=SC2154,SC2034 # variables and functions are shared between these files
# Takes in files that come on the script's own input. $work is the run's folder on the host: what arrives
# stands in its `files` and goes with it.
#
# Nothing comes before it is asked for (`upload`), and behind the bytes of a change nothing comes before the
# host has spoken again: shells and tools may read ahead. dd takes just as much as it is told.

# How much is taken in at once (bytes); each time it is said how much is there (`got`). The controller
# sends only a little more than that: it need not keep what a slow host has no room for.
upload_chunk=131072

# How long a chunk may take (seconds). A cut cable is not seen here: nothing comes any more.
upload_patience=45

# NUMBER INSTALLED-BYTES NAME BYTES SHA256 ...: takes in the files of a change.
upload() {
  number=$1
  upload_total "$@"
  shift 2
  fault=
  if upload_room && mkdir -p "$work/files" && section upload "$number" && upload_files "$@" && upload_check; then
    return 0
  fi
  section failed "$number" 1
  printf '%s\n' "${fault:-the folder for its files cannot be made}"
  return 1
}

# Sets $total, the bytes of all files, and $installed, what they take when installed.
upload_total() {
  installed=$2
  shift 2
  total=0
  while [ $# -gt 0 ]; do
    total=$((total + $2))
    shift 3
  done
}

# Whether there is room for the files, and where packages are installed. What the package manager notes down
# takes a little as well.
upload_room() {
  here=$((total / 1024 + 1024))
  there=$((installed / 1024))
  if [ "$(stat -L -c %d "$work")" = "$(stat -L -c %d /usr)" ]; then
    upload_free $((here + there)) /var/lib/ezsync
  else
    upload_free "$here" /var/lib/ezsync && upload_free "$there" /usr
  fi
}

# KIB FOLDER. Where it is not known how much is free the disk itself will say.
upload_free() {
  free=$(df -Pk "$2" 2>/dev/null | sed -n '$s/^.* \([0-9][0-9]*\)  *[0-9][0-9]*% .*$/\1/p')
  if [ "${free:-$1}" -ge "$1" ]; then return 0; fi
  fault="the packages need $((($1 + 1023) / 1024)) MB in $2, $((free / 1024)) MB are free"
  return 1
}

# NAME BYTES SHA256 ...
upload_files() {
  got=0
  while [ $# -gt 0 ]; do
    printf '%s  %s\n' "$3" "$1" >>"$work/sums" || return 1
    : >"$work/files/$1" || return 1
    left=$2
    while [ "$left" -gt 0 ]; do
      size=$upload_chunk
      if [ "$left" -lt "$size" ]; then size=$left; fi
      upload_take "$size" "$1" || return 1
      left=$((left - size))
      got=$((got + size))
      section got "$got"
    done
    shift 3
  done
}

# BYTES NAME
upload_take() {
  fault=$(bounded $upload_patience dd bs="$1" count=1 iflag=fullblock 2>&1 >>"$work/files/$2") && return
  case $fault in
    *:*) fault="$2 could not be taken in: $(printf '%s\n' "$fault" | grep : | tail -n 1)" ;;
    *) fault="nothing came for $upload_patience s" ;;
  esac
  return 1
}

# What arrived is what was sent?
upload_check() {
  if [ ! -e "$work/sums" ] || fault=$(cd "$work/files" && sha256sum -c ../sums 2>&1); then return 0; fi
  fault="what arrived is not what was sent: $(printf '%s\n' "$fault" | grep -v ': OK$')"
  return 1
}
