# shellcheck shell=sh disable=SC2034,SC2154 # variables and functions are shared between these files
# What every script starts with. $mark is set by the line before: a random word that no
# host can guess, so that nothing that a host prints is taken for a section of ours.

PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
# Answers are read by a program: they must not come in the user's language.
LC_ALL=C
export PATH LC_ALL

tab='	'

# Begins a section of the answer. A closed connection must not end the script here.
section() {
  printf '\n%s %s\n' "$mark" "$*" 2>/dev/null || :
}

have() {
  command -v "$1" >/dev/null 2>&1
}

# Whether the text is a number that the shell can count with, without a leading zero.
is_number() {
  case $1 in
    '' | 0* | *[!0-9]* | ????????????????*) return 1 ;;
  esac
}

# SECONDS COMMAND...: a daemon or a network that hangs must not hold up the whole answer.
bounded() {
  if have timeout; then
    timeout "$@"
  else
    shift
    "$@"
  fi
}

# systemd, openrc or sysv: who starts and stops services here.
service_manager() {
  if [ -d /run/systemd/system ]; then
    echo systemd
  elif have rc-service; then
    echo openrc
  else
    echo sysv
  fi
}

# Sets $packager, the program that installs packages here; empty when there is none. Who installs
# is also who is asked what is installed: dpkg may stand on hosts that rpm made.
find_packager() {
  for packager in apt-get dnf yum zypper apk pacman; do
    if have "$packager"; then return; fi
  done
  packager=
}
