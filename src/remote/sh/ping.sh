# shellcheck shell=sh
# Says who runs it and what the host is, and answers one line. Changes nothing.

ping_back() {
  section user
  id -un 2>/dev/null || id -u
  section os-release
  cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release 2>/dev/null
  section uname
  uname -sr
  section sh
  readlink -f "$(command -v sh)" 2>/dev/null || command -v sh
  section ready
  read -r _ || :
  section pong
}
