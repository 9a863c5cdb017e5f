# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Says what timedatectl and chronyc say, and what the clock shows. Changes nothing, but for `burst`, `anew`
# and `step` when it is asked.

# COMMAND...: what timedatectl says, and what the command prints, which runs at the same time: the service that
# timedatectl asks may have to be started first, and that takes a tenth of a second.
beside_timedatectl() {
  section timedatectl
  ask_timedatectl &
  asked=$!
  text=$("$@")
  wait "$asked"
  printf '%s\n' "$text"
}

# Where D-Bus hangs each would wait for 25 s.
ask_timedatectl() {
  if have timedatectl; then
    # `show` came with systemd 239.
    bounded 7 timedatectl show -p NTPSynchronized 2>/dev/null || bounded 7 timedatectl 2>&1
  fi
}

# By itself chronyc waits up to 7 s for a daemon that hangs, at each of its addresses.
ask_chronyc() {
  if have chronyc; then
    chronyc -n -c -m 'timeout 1500' 'retries 0' tracking sources sourcestats activity 2>&1
  else
    echo 'chronyc: not found'
  fi
}

# Arguments: names that stand for the time source and must be resolved here.
look_clock() {
  section chronyc
  ask_chronyc
  look_daemon "$@"
}

# Which chronyd runs, and what these names mean here.
look_daemon() {
  section daemon
  for file in /run/chrony/chronyd.pid /run/chronyd.pid; do
    if [ -r "$file" ] && read -r pid <"$file" && [ -r "/proc/$pid/cmdline" ]; then
      tr '\0' ' ' <"/proc/$pid/cmdline"
      break
    fi
  done
  section resolved
  for name in "$@"; do
    echo "= $name"
    # Without an answer from any name server it asks on for half a minute.
    if have getent; then bounded 5 getent ahosts "$name" 2>/dev/null; fi
  done
}

# ORDER SERVICE CONF NAMES...: looks at once, and again for each line on its input, until that ends or
# the line is `end`.
# The controller sets the pace and says how: `look`, `burst` (ask the sources at once), `anew`
# (the same, after forgetting what they said before), `step` (to what they say now), `explain ADDRESSES...` (with all that
# helps to explain; these sources are silent), `examine ADDRESSES...` (and with what may become a trouble).
# The first order is an argument: a shell may read ahead on its input.
# The function watch_units comes with the script.
watch_clock() {
  order=$1
  service=$2
  conf=$3
  besides=
  shift 3
  while :; do
    # The orders are for this loop alone.
    look_and_say "$@" </dev/null
    read -r order || break
    # On a terminal the end of the input is not heard: it is said.
    case $order in
      time)
        tell_times
        break
        ;;
      end) break ;;
    esac
  done
}

# Says `ready`, and then the time for each line `time` on its input. Another line ends that and is left in
# $order, empty for the end of the input: on a terminal bash reads all that is there at once, so that what
# follows a word for bash may be lost to the shell. The
# controller notes when it asks and when the answer has come: the time stands in the heading, so that it is
# whole at once. From 5.0 on bash knows the time by itself; to start a program costs milliseconds each time.
# busybox's date may know no fractions of a second.
tell_times() {
  # shellcheck disable=SC2016 # the variables are bash's own
  by_bash='((BASH_VERSINFO > 4)) || exit 1; printf "\n%s ready\n" "$1"; order=; '
  # shellcheck disable=SC2016
  by_bash=$by_bash'while read -r order && [ "$order" = time ]; do printf "\n%s clock %s\n" "$1" "$EPOCHREALTIME"; done; '
  # shellcheck disable=SC2016
  by_bash=$by_bash'case $order in keep) exit 10 ;; back) exit 11 ;; wait) exit 12 ;; end) exit 13 ;; more) exit 14 ;; esac; exit 0'
  if have bash; then
    bash -c "$by_bash" bash "$mark"
    case $? in
      0) order='' ;;
      10) order=keep ;;
      11) order=back ;;
      12) order='wait' ;;
      13) order=end ;;
      14) order='more' ;;
      *) order='time' ;;
    esac
    if [ "$order" != time ]; then return 0; fi
  fi
  section ready
  order=
  while read -r order && [ "$order" = time ]; do section clock "$(date +%s.%N)"; done
}

# What comes after an answer: the time, and then another script on this one's input, for a shell of its own. That
# saves a channel, and whatever makes the user another one. A host that is $far has told the time already, and may be asked.
tell_times_and_go_on() {
  order='time'
  if [ -n "$far" ]; then read -r order || :; fi
  if [ "$order" = time ]; then tell_times; fi
  if [ "$order" = more ]; then exec sh; fi
}

# NAME: on a host that is $far, what the clock shows at the begin or at the end of an answer. The controller knows when
# it has asked and when the answer was there: together that says as much as a question of its own would, whose way
# there and back is saved.
note_time() {
  if [ -n "$far" ]; then section "$1" "$(date +%s.%N)"; fi
}

# COMMAND: tells the daemon what to do. A daemon that hangs, or knows no such command, stops nothing.
steer() {
  # shellcheck disable=SC2086 # the words of the command
  if have chronyc; then bounded 5 chronyc $1 >/dev/null 2>&1 || :; fi
}

# A name that meant nothing is asked for again by itself after minutes only. The others are let alone: older
# versions go to another address of theirs each time.
resolve_again() {
  if have chronyc; then
    unresolved=$(bounded 5 chronyc -c activity 2>/dev/null)
    case ${unresolved##*,} in
      '' | 0 | *[!0-9]*) ;;
      *) steer refresh ;;
    esac
  fi
}

# Arguments as for look_clock. The functions watch_units and note_time come with the script. All is said in one piece.
look_and_say() {
  since=$(note_time since)
  take_look "$@"
  text=$(tell_look)
  printf '%s\n%s\n' "$since" "$text"
}

tell_look() {
  section chronyc
  printf '%s\n%s\n' "$said" "$besides"
  # shellcheck disable=SC2086 # the words of the order
  case $order in
    explain*) look_closer "$service" ${order#explain} ;;
    examine*)
      look_closer "$service" ${order#examine}
      look_around "$service" "$conf"
      ;;
  esac
  note_time till
  section looked
}

# What else there is to know of a host's time.
look_besides() {
  watch_units
  look_daemon "$@"
}

# Sets $said, chronyc's words, and $besides, the rest, which is empty before the first look.
take_look() {
  case $order in
    burst)
      resolve_again
      steer 'burst 4/4'
      ;;
    # What was measured against another time is forgotten (4.0 and later; older ones find out by themselves).
    anew) steer 'reset sources' && steer 'burst 4/4' ;;
    # Once, and now: `makestep` with numbers would stand in the place of the configuration's until a restart.
    step) steer makestep ;;
  esac
  # A daemon that was just started takes seconds to find its time. Until then that alone is asked, and the rest told as
  # it was.
  said=$(ask_chronyc)
  case $order:$said in
    explain* | examine*) besides= ;;
    *'Not synchronised'*) ;;
    *) besides= ;;
  esac
  if [ -z "$besides" ]; then besides=$(beside_timedatectl look_besides "$@"); fi
}
