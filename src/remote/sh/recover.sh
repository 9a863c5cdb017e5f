# shellcheck shell=sh disable=SC2034,SC2154 # variables and functions are shared between these files
# Takes a host for a run, and brings to an end what others have left there.

# Makes the folder that is ours on the host. Nobody else may own it: what is kept there is put back as root.
open_home() {
  home=/var/lib/ezsync
  (umask 077 && mkdir -p $home) && [ -O $home ] && chmod 0700 $home && true >$home/.room && rm -f $home/.room
}

# Says what came of it where the host cannot be had. Sets $found to lines about what was ended.
take_host() {
  if ! open_home 2>/dev/null; then
    section result unwritable
    return 1
  fi
  if ! lock_take "$break_lock" 2>/dev/null; then
    if [ -n "$held" ]; then section result held "$held"; else section result unwritable; fi
    return 1
  fi
  recover_runs
  if [ -n "$found" ]; then
    section told
    printf %s "$found"
  fi
}

# A run of its own, that changes nothing else.
recover() {
  trap : HUP PIPE INT TERM
  umask 022
  at_boot=
  take_host || return
  close_home
  section result changed
}
