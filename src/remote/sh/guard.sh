# shellcheck shell=sh disable=SC2154,SC2034 # variables and functions are shared between these files
# What ends a change when nobody else does: its script was killed, its controller fell silent, the power
# failed. It stands in the run's folder as a script of its own (`undo`), is there before anything is done, and
# is gone when the run has ended.

# What keeps time starts when the change is undone. Services come after sysinit.target by themselves, but for
# timesyncd. Not by their names: one may be an alias of another (chronyd of chrony, ntp of ntpsec), and systemd 252
# takes a service that runs for dead when a name that it knows as missing becomes an alias of it.
guard_before='systemd-timesyncd.service time-set.target time-sync.target'

# Where the unit stands that runs at boot. Elsewhere than under systemd the next run does it.
guard_units=/etc/systemd/system
guard_unit=$guard_units/ezsync-guard.service
guard_wants=$guard_units/sysinit.target.wants

# Seconds since the boot: clocks that are set do not matter.
uptime_seconds() {
  read -r uptime rest </proc/uptime
  uptime=${uptime%%.*}
}

# FILE: notes this process, for is_alive.
note_process() {
  process_start $$
  printf 'pid\t%s\nstart\t%s\nboot\t%s\n' $$ "$born" "$(boot_id)" >>"$1"
}

# FILE: ends the process and waits for that.
end_process() {
  waited=0
  while is_alive "$1" && [ "$waited" -lt 50 ]; do
    kill -9 "$pid" 2>/dev/null
    sleep 0.1 2>/dev/null || sleep 1
    waited=$((waited + 1))
  done
}

# SECONDS: how long from now it may take until the next word or step.
guard_extend() {
  uptime_seconds
  printf '%s\n' $((uptime + $1)) >"$work/deadline.new" && mv -f "$work/deadline.new" "$work/deadline"
}

# LIBRARY: the functions that undo the change. It is armed before anything is done.
guard_arm() {
  # shellcheck disable=SC2016 # the argument is the other script's
  printf 'home=%s\nwork=%s\n%s\nguard "$1"\n' "$home" "$work" "$1" >"$work/undo" || return 1
  if [ "$(service_manager)" = systemd ] && [ -d $guard_units ]; then
    if [ ! -d $guard_wants ]; then
      mkdir $guard_wants && : >"$work/wants" || return 1
    fi
    printf '%s\n' '[Unit]' 'Description=Ends a change by ezsync that was cut off' 'DefaultDependencies=no' \
      'After=local-fs.target systemd-remount-fs.service' "Before=$guard_before sysinit.target shutdown.target" \
      'Conflicts=shutdown.target' "RequiresMountsFor=$home" "ConditionPathExists=$work/undo" '[Service]' \
      'Type=oneshot' 'TimeoutStartSec=120' "ExecStart=/bin/sh $work/undo boot" >$guard_unit || return 1
    label $guard_unit
    ln -sf $guard_unit $guard_wants/ezsync-guard.service || return 1
  fi
  guard_watchdog
}

# A process of its own, that outlives the connection. What systemd starts belongs to no session.
guard_watchdog() {
  name=ezsync-guard-${work##*.}
  if have systemd-run && [ "$(service_manager)" = systemd ]; then
    if bounded 10 systemd-run --quiet --collect --unit="$name" sh "$work/undo" watch >/dev/null 2>&1 </dev/null; then
      return 0
    fi
  fi
  # Not our own child: whoever waits for those would wait for the end of the run.
  if have setsid; then
    (setsid sh "$work/undo" watch >/dev/null 2>&1 </dev/null &)
  else
    (sh "$work/undo" watch >/dev/null 2>&1 </dev/null &)
  fi
}

guard_remove() {
  if [ -e $guard_unit ] && grep -q -F -e "$work/" $guard_unit; then
    rm -f $guard_wants/ezsync-guard.service $guard_unit
    if [ -e "$work/wants" ]; then rmdir $guard_wants 2>/dev/null; fi
    # Somebody may have had the units read meanwhile: packages do. At boot this is the unit's own script.
    if [ -z "$at_boot" ]; then
      case $(systemctl show --property=LoadState ezsync-guard.service 2>/dev/null) in
        *=loaded) systemctl daemon-reload ;;
      esac
    fi
  fi
}

# The watchdog ends by itself soon; now is better.
guard_end() {
  if [ -f "$work/watchdog" ] && [ "$(value_of "$work/watchdog" pid)" != $$ ] && is_alive "$work/watchdog"; then
    kill "$pid" 2>/dev/null
  fi
}

# MODE: what the script `undo` of a run does.
guard() {
  mark=ezsync-guard
  at_boot=
  unheard=
  if [ "$1" = boot ]; then
    # The unit is started without a boot: the run goes on.
    if is_alive "$work/owner"; then return; fi
    at_boot=yes
  else
    trap '' HUP
    (umask 077 && note_process "$work/watchdog")
    pid=$(value_of "$work/owner" pid)
    process_start "$pid"
    start=$born
    # The boot is the same: it is the script that has started this. Nothing but `sleep` is run meanwhile.
    while [ -d "$work" ] && [ -n "$born" ] && [ "$born" = "$start" ] && ! guard_is_due; do
      sleep 1
      process_start "$pid"
    done
    if [ ! -d "$work" ]; then return; fi
    true >"$work/ends"
    end_process "$work/owner"
  fi
  if [ -e "$work/begun" ] && [ ! -e "$work/kept" ]; then unheard='it went back by itself: '; fi
  end_run
  printf '%s\n' "$ended"
}

guard_is_due() {
  if ! read -r deadline 2>/dev/null <"$work/deadline"; then return 1; fi
  uptime_seconds
  [ "$uptime" -ge "$deadline" ]
}

# Whether the watchdog has brought the run of $work to an end that it was at just now: of two that undo, one takes
# away what the other is about to use, and one that is killed leaves its part at work.
guard_has_ended() {
  waited=0
  while [ -e "$work/ends" ] && is_alive "$work/watchdog" && [ "$waited" -lt 120 ]; do
    sleep 1
    waited=$((waited + 1))
  done
  [ ! -d "$work" ]
}

# Brings the run of $work, whose process is gone, to an end; $ended says to which. $unheard begins what is noted of
# that where the run's controller has not heard it.
end_run() {
  whose="a change by $(value_of "$work/owner" by), begun $(age "$(value_of "$work/owner" at)") ago,"
  undone=yes
  if [ -e "$work/kept" ]; then
    said=$(keep_change 2>&1)
    ended="$whose was made and is kept"
    if [ -n "$said" ]; then ended="$ended, and not all could be noted for the way back: $said"; fi
  else
    await_packager
    said=$(undo_change 2>&1)
    if [ -n "$said" ]; then undone=no; fi
    keep_packages
    if [ -n "$unkept" ]; then note_left "packages stay of a change, and the history could not note them: $stay: $unkept"; fi
    ended="$whose was cut off before anything was changed${stay:+ but packages}"
    if [ -e "$work/begun" ]; then ended="$whose was cut off: what stood there before was put back"; fi
    if [ "$undone" = no ]; then ended="$whose was cut off, and not everything could be put back: $said"; fi
  fi
  if [ "$undone" = no ] || [ -n "$unheard" ]; then note_left "$unheard$ended"; fi
  token=$(value_of "$work/owner" run)
  tidy "$undone"
  close_home
}

# A package manager outlives the script that has started it: it is let end. What it prints goes to a file of the run's.
await_packager() {
  if [ -n "$at_boot" ] || [ -e "$work/begun" ] || ! grep -q '^package' "$work/journal" 2>/dev/null; then return; fi
  waited=0
  # shellcheck disable=SC2010 # the names are numbers
  while [ "$waited" -lt 120 ] &&
    ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q -F -e " -> $work/log" -e " -> $work/apt.log"; do
    sleep 1
    waited=$((waited + 1))
  done
}

# SECONDS-SINCE-1970: how long ago that was.
age() {
  seconds=$(($(date +%s) - ${1:-0}))
  if [ "$seconds" -lt 120 ]; then
    echo "$seconds s"
  elif [ "$seconds" -lt 7200 ]; then
    echo "$((seconds / 60)) min"
  else
    echo "$((seconds / 3600)) h"
  fi
}
