# shellcheck shell=sh disable=SC2034 # variables and functions are shared between these files
# The frame of a run that changes a host. The functions uploads, prepare, activate and undo come with
# the run. All is read before anything runs: `apply` is called on the script's last line.

# NUMBER FUNCTION ARGUMENTS...: one change. What it prints is sent when it has ended: a closed
# connection then stops nothing halfway.
change() {
  number=$1
  shift
  section step "$number"
  if "$@" >"$work/log" 2>&1 </dev/null; then
    tell
    return 0
  else
    status=$?
    tell
    section failed "$number" "$status"
    if [ -s "$work/log" ]; then cat "$work/log" || :; else echo "it ended with status $status and printed nothing"; fi
    if ! echo room >"$work/room" 2>/dev/null; then echo 'nothing can be written to /var/lib/ezsync: is the disk full?'; fi
    return 1
  fi
}

# Passes on what the reader of the result should know of the change: what stays of it, and was not asked for.
tell() {
  if [ ! -s "$work/told" ]; then return; fi
  section told "$number"
  cat "$work/told" || :
  rm -f "$work/told"
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
    while IFS= read -r path; do
      case $undone:$path in
        # What could not be put back must not be lost.
        no:*.old) ;;
        *) rm -rf "$path" ;;
      esac
    done <"$work/litter"
  fi
  rm -rf "$work"
  # A run that left nothing leaves no folder of ours either.
  [ -e "$home/originals" ] || rmdir "$home" 2>/dev/null || :
}

# Makes the folder that is ours on the host, and the run's own in it. Nobody else may own it: what
# is kept there is put back as root. Runs that a power cut ended days ago have left theirs, with packages in it.
open_home() {
  home=/var/lib/ezsync
  (umask 077 && mkdir -p $home) && [ -O $home ] && chmod 0700 $home || return 1
  find $home/run.?????? -prune -mtime +1 -exec rm -rf {} \;
  work=$(mktemp -d $home/run.XXXXXX)
}

apply() {
  # The host's part goes to its end whatever becomes of the connection. Caught, not ignored:
  # daemons that are started from here must not inherit deaf ears.
  trap : HUP PIPE INT TERM
  # Not the user's own: what is installed and started from here has the usual one.
  umask 022
  if ! open_home 2>/dev/null; then
    section result unwritable
    return
  fi
  started=
  reloaded=
  undone=yes
  if uploads && prepare; then
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
