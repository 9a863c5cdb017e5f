# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Puts back what is kept of a host's past.

# PATH SAVED: a copy of what is to stand at PATH, beside it. Links are links here, and stay.
restore_stage() {
  if [ ! -e "$2" ] && [ ! -L "$2" ]; then
    printf '%s is not kept any more\n' "$2"
    return 1
  fi
  if [ ! -d "${1%/*}/" ]; then
    printf 'the folder %s does not exist\n' "${1%/*}"
    return 1
  fi
  candidate=$(beside "$1" new)
  printf '%s\n' "$candidate" >>"$work/litter"
  (umask 077 && cp -R -P -p "$2" "$candidate")
}
