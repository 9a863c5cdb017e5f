# shellcheck shell=sh disable=SC2154,SC2034 # variables and functions are shared between these files
# One run at a time on a host. The folder `lock` says whose it is; it is his for as long as his process runs.

# OWNER: sets $held where the host is another's. `break`: that one's process is ended, and $broken is its run.
lock_take() {
  held=
  broken=
  tries=0
  # Who it is stands there in one go. The folder may go with another run that ends just now.
  owner=$home/gone.owner.$$
  until mkdir "$home/lock" 2>/dev/null; do
    if [ ! -d "$home" ]; then
      open_home || return 1
      continue
    fi
    # Whoever has just made it says soon who he is.
    if [ ! -e "$home/lock/owner" ] && [ "$tries" -lt 2 ]; then
      tries=$((tries + 1))
      sleep 1
      continue
    fi
    if is_alive "$home/lock/owner"; then
      if [ "$1" != break ]; then
        held="$(value_of "$home/lock/owner" by) has held it for $(age "$(value_of "$home/lock/owner" at)")"
        return 1
      fi
      # What becomes of it is ours to do, and to tell.
      broken=$(value_of "$home/lock/owner" run)
      for work in "$home"/run.??????; do end_process "$work/watchdog"; done
      end_process "$home/lock/owner"
    fi
    # Of two that find it stale one may take away what the other has just made: then it is put back.
    if mv "$home/lock" "$home/gone.lock.$$" 2>/dev/null; then
      if is_alive "$home/gone.lock.$$/owner" && [ ! -e "$home/lock" ]; then mv "$home/gone.lock.$$" "$home/lock"; fi
      rm -rf "$home/gone.lock.$$"
    fi
    tries=$((tries + 1))
    if [ "$tries" -gt 10 ]; then
      held='nobody who runs, and its folder lock cannot be taken away'
      return 1
    fi
  done
  printf 'by\t%s\nat\t%s\nrun\t%s\n' "$by" "$(date +%s)" "$token" >"$owner" && note_process "$owner" &&
    mv -f "$owner" "$home/lock/owner" && return
  rm -f "$owner"
  rmdir "$home/lock" 2>/dev/null
  return 1
}

# Only one's own; at boot also one whose words were lost with the power.
lock_release() {
  if [ "$(value_of "$home/lock/owner" run)" = "$token" ] || { [ -n "$at_boot" ] && ! is_alive "$home/lock/owner"; }; then
    mv "$home/lock" "$home/gone.lock.$$" 2>/dev/null && rm -rf "$home/gone.lock.$$"
  fi
}

# Brings runs to an end that nobody else does. Sets $found to lines about them.
recover_runs() {
  found=
  mine=$token
  for work in "$home"/run.??????; do
    if [ ! -d "$work" ]; then continue; fi
    whose=$(value_of "$work/owner" by)
    if guard_has_ended; then
      found="${found}a change by $whose was just being ended by the host itself$line_end"
      continue
    fi
    # Its script runs only where it has lost the lock to us, in the moment that it took.
    end_process "$work/watchdog"
    end_process "$work/owner"
    if [ -e "$work/owner" ]; then
      unheard=
      if [ -n "$broken" ] && [ "$(value_of "$work/owner" run)" = "$broken" ]; then unheard="$by broke its lock: "; fi
      end_run
      found="$found$ended$line_end"
    else
      # It has not got far enough to say whose it is: nothing was done.
      rm -rf "$work"
    fi
  done
  token=$mine
  work=
  rm -rf "$home"/gone.*
}
