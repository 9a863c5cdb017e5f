# shellcheck shell=sh disable=SC2034,SC2154 # variables and functions are shared between these files
# The frame of a run that changes a host. The functions note_services, uploads, prepare and activate come with
# the run. All is read before anything runs: `apply` is called on the script's last line.

# NUMBER FUNCTION ARGUMENTS...: one change. What it prints is sent when it has ended: a closed
# connection then stops nothing halfway.
change() {
  number=$1
  shift
  tell_step "$1"
  if [ -e "$work/deadline" ]; then guard_extend $step_patience; fi
  if "$@" >"$work/log" 2>&1 </dev/null; then
    tell
    return 0
  else
    status=$?
    tell
    announce failed "$number" "$status"
    if [ -s "$work/log" ]; then cat "$work/log" || :; else echo "it ended with status $status and printed nothing"; fi
    if ! echo room >"$work/room" 2>/dev/null; then echo 'nothing can be written to /var/lib/ezsync: is the disk full?'; fi
    return 1
  fi
}

# FUNCTION: says that the step $number is taken. Of a host that is $far those that are quick are told with the next
# word: it would wait until theirs was heard (see in_one_piece).
tell_step() {
  steps="$steps $number"
  case $far:$1 in
    yes:file_* | yes:path_* | yes:restore_* | yes:directory_* | yes:attributes_* | yes:timezone_* | yes:service_*) ;;
    *) announce ;;
  esac
}

# [WORDS...]: the steps that have not been told yet, and a section, in one piece.
announce() {
  words=$*
  set --
  for step in $steps; do set -- "$@" "$mark" "step $step"; done
  if [ -n "$words" ]; then set -- "$@" "$mark" "$words"; fi
  steps=
  printf '\n%s %s\n' "$@" 2>/dev/null || :
}

# How long a step may take (seconds), and how long a host that is staged goes without a word: it is told every few
# seconds to wait on. A cut cable is not seen here.
step_patience=900
staged_patience=60

# Passes on what the reader of the result should know of the change: what stays of it, and was not asked for.
tell() {
  if [ ! -s "$work/told" ]; then return; fi
  announce told "$number"
  cat "$work/told" || :
  rm -f "$work/told"
}

# Makes the run's own folder, with all that its end will need: by then there may be no room. $ending, $popped,
# $state_is and the function state_text come with the run.
open_run() {
  work=$(mktemp -d "$home/run.XXXXXX") || return 1
  saves=0
  (
    umask 077
    cat "$home/lock/owner" >"$work/owner" && mkdir -p "$work/change/saved" && true >"$work/journal" &&
      true >"$work/change/journal" && true >"$work/litter" && true >"$work/begun.new" && true >"$work/kept.new" &&
      printf '%s %s\n' "$ending" "${popped:-$((newest + 1))}" >"$work/ending" || exit 1
    printf 'number\t%s\nat\t%s\nby\t%s\nezsync\t%s\nrun\t%s\ncluster\t%s\n' $((newest + 1)) "$(date +%s)" "$by" \
      "$version" "$run" "$cluster" >"$work/change/about" || exit 1
    if [ -f "$home/state" ]; then cp -p "$home/state" "$work/change/state" || exit 1; fi
    if [ "$state_is" = none ]; then true >"$work/state.none"; else state_text >"$work/state.new"; fi
  )
}

# All that the way back needs, and the keeping, is on the disk before anything is activated.
settle() {
  set -- "$work" "$work/change" "$work/change/saved" "$home"
  for path in "$work"/* "$work"/change/* "$work"/change/saved/*; do
    if [ -f "$path" ] && [ ! -L "$path" ]; then set -- "$@" "$path"; fi
  done
  while IFS= read -r path; do
    if [ -f "$path" ] && [ ! -L "$path" ]; then set -- "$@" "$path"; fi
    if [ -d "${path%/*}/" ]; then set -- "$@" "${path%/*}/"; fi
  done <"$work/litter"
  if [ -e "$guard_unit" ]; then set -- "$@" "$guard_unit" "$guard_units" "$guard_wants"; fi
  make_durable "$@"
  return 0
}

# Waits for its turn. Nothing but the one word lets it go on: a lost controller means no.
is_let_go() {
  while read -r order; do
    case $order in
      go) return 0 ;;
      wait) guard_extend $staged_patience ;;
      *) return 1 ;;
    esac
  done
  return 1
}

# From here on the change is to be undone when it is cut off, and that must be known after a power cut, too.
begin() {
  guard_extend $step_patience
  mv "$work/begun.new" "$work/begun" && make_durable "$work"
}

# Looks as it is told until the word comes whether the change is kept. $service, $conf and the function
# sight come with the run.
prove() {
  verdict=back
  if [ -z "$confirm" ]; then
    verdict=keep
    mv "$work/kept.new" "$work/kept" || return 1
  fi
  announce activated
  if [ -z "$service" ]; then
    verdict=keep
    return
  fi
  guard_extend "${confirm:-$step_patience}"
  unheard='it went back by itself: '
  besides=
  while read -r order; do
    guard_extend "${confirm:-$step_patience}"
    # It ends with another word, or with none at the end of the input.
    if [ "$order" = time ]; then tell_times; fi
    case $order in
      keep | back)
        # Without a doubt it is kept already.
        if [ -n "$confirm" ]; then verdict=$order; fi
        unheard=
        break
        ;;
      # On a terminal the end of the input is not heard: it is said.
      end) break ;;
      wait | '') ;;
      *)
        sight </dev/null
        ;;
    esac
  done
}

# Ends the run with what came of it, and that said.
finish() {
  # It ends by itself: the watchdog is there for a script that is killed.
  rm -f "$work/deadline"
  if [ "$1" = kept ]; then
    if [ ! -e "$work/kept" ]; then mv "$work/kept.new" "$work/kept"; fi 2>/dev/null
    keep_durable
    said=$(keep_change 2>&1)
  else
    said=$(undo_change 2>&1)
    if [ -n "$said" ]; then
      note_left "a change by $by was not put back in full: $said"
    elif [ "$1" = back ] && [ -n "$unheard" ]; then
      note_left "${unheard}a change by $by was made, and no word came to keep it"
    fi
  fi
  undone=yes
  if [ -n "$said" ]; then undone=no; fi
  stay='' unkept=''
  if [ "$1" != kept ]; then keep_packages; fi
  tidy "$undone"
  close_home
  if [ -n "$stay" ]; then
    section stays
    printf '%s\n' "$stay"
  fi
  if [ -n "$unkept" ]; then
    section told
    printf '%s\n' "the history could not note the packages that stay: $unkept"
  fi
  case $1:$undone in
    kept:no)
      section told
      printf '%s\n' "not all could be noted for the way back: $said"
      ;;
    *:no)
      section not-undone
      printf '%s\n' "$said"
      ;;
  esac
  case $1 in
    kept) section result changed ;;
    dropped) section result dropped ;;
    *) section result "$1-$undone" ;;
  esac
}

apply() {
  # The host's part goes to its end whatever becomes of the connection. Caught, not ignored:
  # daemons that are started from here must not inherit deaf ears.
  trap : HUP PIPE INT TERM
  # Not the user's own: what is installed and started from here has the usual one.
  umask 022
  at_boot=
  started=
  steps=
  take_host || return
  newest_change
  if [ -n "$found" ] || [ "$newest" != "$expects" ]; then
    close_home
    section result moved
    return
  fi
  if ! open_run 2>/dev/null || ! guard_arm "$library" 2>/dev/null; then
    if [ -n "$work" ]; then tidy yes; fi
    close_home
    section result unwritable
    return
  fi
  if note_services && uploads && prepare && settle; then
    guard_extend $staged_patience
    announce staged
    if ! is_let_go; then
      finish dropped
      return
    fi
    if begin && activate && prove; then
      if [ "$verdict" = keep ]; then finish kept; else finish back; fi
      return
    fi
  fi
  finish undone
}
