# shellcheck shell=sh disable=SC2034 # variables and functions are shared between these files
# The frame of a run that changes a host. The functions prepare, activate and undo come with the
# run. All is read before anything runs: `apply` is called on the script's last line.

# NUMBER FUNCTION ARGUMENTS...: one change. What it prints is sent when it has ended: a closed
# connection then stops nothing halfway.
change() {
  number=$1
  shift
  section step "$number"
  if "$@" >"$work/log" 2>&1 </dev/null; then
    return 0
  else
    status=$?
    section failed "$number" "$status"
    cat "$work/log" 2>/dev/null || :
    return 1
  fi
}

# NUMBER FUNCTION ARGUMENTS...: undoes one change and goes on also when that fails.
back() {
  number=$1
  shift
  if ! "$@" >"$work/log" 2>&1 </dev/null; then
    section not-undone "$number"
    cat "$work/log" 2>/dev/null || :
    undone=no
  fi
}

# Takes away candidates and saved files, and the run's own folder.
tidy() {
  if [ -f "$work/litter" ]; then
    while read -r path; do rm -f "$path"; done <"$work/litter"
  fi
  rm -rf "$work"
}

apply() {
  # The host's part goes to its end whatever becomes of the connection. Caught, not ignored:
  # daemons that are started from here must not inherit deaf ears.
  trap : HUP PIPE INT
  umask 077
  if ! mkdir -p /var/lib/ezsync 2>/dev/null || ! work=$(mktemp -d /var/lib/ezsync/run.XXXXXX 2>/dev/null); then
    section result unwritable
    return
  fi
  started=
  undone=yes
  if prepare; then
    section staged
    # Nothing but this word lets it go on: a lost controller means no.
    if ! read -r order || [ "$order" != go ]; then
      undo
      tidy
      section result dropped
      return
    fi
    if activate; then
      tidy
      section result changed
      return
    fi
  fi
  undo
  tidy
  section result "undone-$undone"
}
