# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Keeps Debian's packages from starting services while they are installed: chronyd would run with the
# distribution's servers until its file is there, and behind a silent name server it takes ten seconds to stop
# then. What was held back is started when the run ends, if it is nobody's here: see start_denied.

# How Debian asks whether a service may be started (invoke-rc.d and deb-systemd-invoke).
hold_file=/usr/sbin/policy-rc.d

# COMMAND...
without_services() {
  hold_services
  "$@"
  status=$?
  release_services
  return "$status"
}

# One of the host's own is obeyed. Ours means nothing any more once the run's folder is gone.
hold_services() {
  if [ -e $hold_file ] || [ -L $hold_file ]; then return; fi
  # shellcheck disable=SC2016 # the variables are the other script's
  printf '%s\n' '#!/bin/sh' '# From ezsync, for as long as it installs packages: nothing that does not run is started.' \
    "[ -d $work ] || exit 0" 'while :; do case $1 in -*) shift ;; *) break ;; esac; done' \
    'case $2 in *stop*) exit 0 ;; esac' \
    'if [ -d /run/systemd/system ]; then systemctl is-active --quiet "$1"; else service "$1" status >/dev/null 2>&1; fi && exit 0' \
    "printf '%s\\n' \"\${1%.service}\" >>$work/denied" 'exit 101' >"$work/hold"
  if ! chmod 0755 "$work/hold" || ! cp -p "$work/hold" "$hold_file"; then rm -f "$hold_file"; fi
}

release_services() {
  if [ -f "$work/hold" ] && grep -q -F -e "$work/" "$hold_file" 2>/dev/null; then rm -f "$hold_file"; fi
}
