# shellcheck shell=sh disable=SC2154,SC2034 # variables and functions are shared between these files
# The end of a change: what is kept of it, and that nothing else is left. `kept` in the run's folder is the
# commit point: from then on it only goes forward, by whoever finds it. Each step may be done twice.

# The newest of the changes that were made and kept; 0 when there is none.
newest_change() {
  newest=0
  for folder in "$home"/changes/*; do
    case ${folder##*/} in
      '' | *[!0-9]*) ;;
      *) if [ "${folder##*/}" -gt "$newest" ]; then newest=${folder##*/}; fi ;;
    esac
  done
}

# How many changes can be taken back.
history_length=10

# Brings the keeping of a change to its end. What cannot be done is printed.
keep_change() {
  if ! read -r ending number <"$work/ending"; then
    echo 'what was to become of the history cannot be read any more'
  fi
  if [ -e "$work/state.new" ]; then
    mv -f "$work/state.new" "$home/state"
  elif [ -e "$work/state.none" ]; then
    rm -f "$home/state"
  fi
  if [ -e "$home/left" ]; then rm -f "$home/left"; fi
  case $ending in
    push) keep_push ;;
    pop)
      written_keep "$work/journal"
      if [ -d "$home/changes/$number" ]; then mv "$home/changes/$number" "$work/popped"; fi
      ;;
    pristine)
      for name in changes originals originals.units originals.packages written; do
        if [ -d "$home/$name" ]; then mv "$home/$name" "$work/$name"; fi
      done
      ;;
  esac
}

keep_push() {
  if [ -d "$work/change" ]; then
    if [ -f "$work/later" ]; then
      while IFS=$tab read -r saved name; do later_keep "$saved" "$work/change/saved/$name"; done <"$work/later"
    fi
    written_keep "$work/journal"
  fi
  push_change
}

# Makes the run's change number $number, the newest one of the history.
push_change() {
  if [ -d "$work/change" ]; then
    (umask 077 && mkdir -p "$home/changes" "$home/originals") || return
    keep_originals
    mv "$work/change" "$home/changes/$number"
  fi
  for folder in "$home"/changes/*; do
    case ${folder##*/} in
      '' | *[!0-9]*) ;;
      *) if [ "${folder##*/}" -le $((number - history_length)) ]; then rm -rf "$folder"; fi ;;
    esac
  done
}

# SAVED KEPT: to another file system it is copied, and that may be cut off: what is half there never has the name.
later_keep() {
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then return; fi
  if [ ! -e "$2" ] && [ ! -L "$2" ]; then
    if [ "$(stat -c %d "$1")" = "$(stat -c %d "${2%/*}")" ]; then
      mv "$1" "$2"
      return
    fi
    rm -rf "$2.part"
    cp -R -P -p "$1" "$2.part" && mv "$2.part" "$2" || return
  fi
  rm -rf "$1"
}

# What stood there before any change of ours.
keep_originals() {
  while IFS=$tab read -r kind path saved rest; do
    if [ "$kind" = path ]; then original_keep "$path" "$saved"; fi
  done <"$work/change/journal"
  sed -n '1!G;h;$p' "$work/change/journal" | while IFS=$tab read -r kind name state; do
    if [ "$kind" = unit ] && [ ! -e "$home/originals.units/$name" ]; then
      (umask 077 && mkdir -p "$home/originals.units" && printf '%s\n' "$state" >"$home/originals.units/$name")
    fi
    if [ "$kind" = package ]; then
      for name in $name $state; do
        case $name in */*) continue ;; esac
        (umask 077 && mkdir -p "$home/originals.packages" && : >"$home/originals.packages/$name")
      done
    fi
  done
}

# PATH SAVED
original_keep() {
  kept=$home/originals$1
  if [ -e "$kept" ] || [ -L "$kept" ] || [ -e "$kept.none" ]; then return; fi
  (umask 077 && mkdir -p "${kept%/*}") || return
  case $2 in
    -) : >"$kept.none" ;;
    # A folder has no original: its name may be one on the way to others.
    *)
      saved=$work/change/$2
      if [ ! -d "$saved" ] || [ -L "$saved" ]; then
        ln "$saved" "$kept" 2>/dev/null || { cp -P -p "$saved" "$kept.part" && mv -f "$kept.part" "$kept"; }
      fi
      ;;
  esac
}

# What a run that is not kept leaves all the same: packages. They are a change that happened, and the history has it
# with them and with how the services stood before; the record stays as it was. Sets $stay to their names, and $unkept
# to what could not be done. Each step may be done twice.
keep_packages() {
  stay='' unkept=''
  if [ ! -f "$work/journal" ]; then return; fi
  find_packages_that_stay
  if [ -n "$stay" ]; then unkept=$(push_packages 2>&1); fi
}

push_packages() {
  read -r ending number <"$work/ending" || return
  if [ -d "$work/change" ]; then
    (umask 077 && only_packages) || return
    make_durable "$work/change" "$work/change/about" "$work/change/journal"
  fi
  push_change
}

# Those that the run was to bring, and that are there now, be it in part.
find_packages_that_stay() {
  set --
  # shellcheck disable=SC2086 # a list of words
  while IFS=$tab read -r kind names; do
    if [ "$kind" = package ]; then set -- "$@" $names; fi
  done <"$work/journal"
  if [ $# = 0 ]; then return; fi
  for name in $(list_packages "$@" | sed -e 's/^! //' -e "s/$tab.*//"); do
    case " $stay " in
      *" $name "*) ;;
      *) stay="${stay:+$stay }$name" ;;
    esac
  done
}

# Takes all but that out of the change.
only_packages() {
  {
    printf 'package'
    for name in $stay; do printf '\t%s' "$name"; done
    echo
    sed -n "/^unit$tab/p" "$work/journal"
  } >"$work/journal.stay" || return
  { sed '/^stays/d' "$work/change/about" && printf 'stays\t%s\n' "$stay"; } >"$work/about.stay" || return
  mv -f "$work/journal.stay" "$work/change/journal" && mv -f "$work/about.stay" "$work/change/about" &&
    rm -rf "$work/change/saved"
}

# What must not be lost once the change is said to be kept.
keep_durable() {
  set -- "$work/kept" "$work"
  while IFS=$tab read -r kind path rest; do
    if [ "$kind" = path ]; then
      if [ -f "$path" ] && [ ! -L "$path" ]; then set -- "$@" "$path"; fi
      if [ -d "${path%/*}/" ]; then set -- "$@" "${path%/*}/"; fi
    fi
  done <"$work/journal"
  make_durable "$@"
}

# UNDONE: takes away all that the run has put anywhere. `no`: what could not be put back stays.
tidy() {
  # The history has what stood there, whatever else of it could not be noted.
  if [ -e "$work/kept" ] && [ ! -d "$work/change" ]; then set -- yes; fi
  if [ -f "$work/litter" ]; then
    while IFS= read -r path; do
      case $1:$path in
        no:*.old) ;;
        *) rm -rf "$path" ;;
      esac
    done <"$work/litter"
  fi
  release_services
  start_denied
  guard_remove
  # In one go: half of a journal would undo half of a change.
  mv "$work" "$home/gone.${work##*/run.}" 2>/dev/null && work=$home/gone.${work##*/run.}
  guard_end
  rm -rf "$work"
}

# WORDS: how a change ended is told to whoever looks at the host, until one is kept there, where nobody has heard it
# (it may have been the watchdog that put things back) or not everything could be put back.
note_left() {
  (umask 077 && printf '%s: %s\n' "$(date -u '+%Y-%m-%d %H:%M UTC')" "$1" >>"$home/left") 2>/dev/null || :
}

# Nothing at all is left by a run that left nothing.
close_home() {
  lock_release
  rmdir "$home/originals" "$home/changes" 2>/dev/null
  rmdir "$home" 2>/dev/null || :
}
