# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Services under systemd, OpenRC and the old init scripts.

service_exists() {
  case $(service_manager) in
    systemd)
      case $(systemctl show --property=LoadState -- "$1" 2>/dev/null) in
        *not-found*) return 1 ;;
      esac
      ;;
    *) [ -x "/etc/init.d/$1" ] ;;
  esac
}

# SERVICE: its own last words first. What the manager says around them is the same for every failure.
service_words() {
  systemctl status --no-pager --lines=10 "$1" >"$work/status" 2>&1
  if grep '\[[0-9]*\]: ' "$work/status" | grep -v ' systemd\[[0-9]*\]: ' |
    sed 's/^.* \([^ ]*\)\[[0-9]*\]: /\1: /' | grep .; then
    sed '/^$/,$d' "$work/status"
  else
    cat "$work/status"
  fi
}

# start, stop, restart or reload SERVICE; what went wrong is shown with it.
service_do() {
  # Noted before it is tried: what fails is to be put back as well.
  true >"$work/touched.$2" || return 1
  case $(service_manager) in
    systemd)
      # While the host boots, who waits for another service may be who that waits for.
      if systemctl ${at_boot:+--no-block} "$1" "$2"; then return 0; fi
      service_words "$2"
      return 1
      ;;
    openrc) rc-service "$2" "$1" ;;
    *) service "$2" "$1" ;;
  esac
}

service_enable() {
  case $(service_manager) in
    systemd) systemctl --quiet enable "$1" ;;
    openrc) rc-update --quiet add "$1" default ;;
    *) if have update-rc.d; then update-rc.d "$1" enable; else chkconfig "$1" on; fi ;;
  esac
}

service_disable() {
  case $(service_manager) in
    systemd) systemctl --quiet disable "$1" ;;
    openrc) rc-update --quiet --all del "$1" ;;
    *) if have update-rc.d; then update-rc.d "$1" disable; else chkconfig "$1" off; fi ;;
  esac
}

# mask or unmask SERVICE. Where nothing can be masked, nothing is.
service_mask() {
  if [ "$(service_manager)" = systemd ]; then
    systemctl --quiet "$1" "$2"
  elif [ "$1" = mask ]; then
    echo 'only systemd can mask a service'
    return 1
  fi
}

service_is_masked() {
  [ "$(service_manager)" = systemd ] &&
    [ "$(systemctl show --property=LoadState -- "$1" 2>/dev/null | grep LoadState)" = LoadState=masked ]
}

# Sets $is_active, $is_enabled and $is_masked. systemd is asked once for all of it, and again for each where its words are
# not as plain as those of is-active and is-enabled: an old init script is `generated` whether it is enabled or not.
service_stands() {
  is_active=no is_enabled=no is_masked=no
  shown=
  if [ "$(service_manager)" = systemd ]; then
    shown=$(systemctl show --property=LoadState,ActiveState,UnitFileState -- "$1" 2>/dev/null)$line_end
  fi
  is_plain=yes
  case $shown in *LoadState=loaded"$line_end"*) ;; *) is_plain=no ;; esac
  case $shown in
    *ActiveState=active"$line_end"*) is_active=yes ;;
    *ActiveState=inactive"$line_end"*) ;;
    *) is_plain=no ;;
  esac
  case $shown in
    *UnitFileState=enabled"$line_end"*) is_enabled=yes ;;
    *UnitFileState=disabled"$line_end"*) ;;
    *) is_plain=no ;;
  esac
  if [ $is_plain = yes ]; then return; fi
  is_active=no is_enabled=no
  if service_is_active "$1"; then is_active=yes; fi
  if service_is_enabled "$1"; then is_enabled=yes; fi
  if service_is_masked "$1"; then is_masked=yes; fi
}

# Notes, once a run, how the service stood before this run touched it.
service_note() {
  if [ -e "$work/unit.$1" ]; then return 0; fi
  service_stands "$1"
  if service_is_denied "$1"; then is_active=yes; fi
  note_unit "$1" "$is_active" "$is_enabled" "$is_masked" && true >"$work/unit.$1"
}

# SERVICE ACTIVE ENABLED MASKED. What is noted when the change has begun is on the disk before the service is touched.
note_unit() {
  note unit "$@" || return 1
  if [ -e "$work/begun" ]; then make_durable "$work/journal" "$work/change/journal"; fi
}

# The same before anything is done, where there is something to note.
service_stage() {
  if [ ! -e "$work/unit.$1" ] && service_exists "$1"; then service_note "$1"; fi
}

# Whether the distribution would have started it, had we not kept it from that: see hold.sh.
service_is_denied() {
  [ -f "$work/denied" ] && grep -q -x -F -e "$1" "$work/denied" && service_is_enabled "$1"
}

# Starts what was held back, is to start at boot, and is not this change's to decide about.
start_denied() {
  if [ ! -f "$work/denied" ] || [ -n "$at_boot" ]; then return; fi
  while read -r name; do
    if [ -e "$work/touched.$name" ]; then continue; fi
    if [ -e "$work/kept" ] && [ -e "$work/unit.$name" ]; then continue; fi
    if service_is_enabled "$name" && ! service_is_active "$name"; then
      service_do start "$name" >/dev/null 2>&1 </dev/null || :
    fi
  done <"$work/denied"
}

service_reload_units() {
  if [ "$1" = yes ] && [ "$(service_manager)" = systemd ]; then
    true >"$work/reloaded" || return 1
    systemctl daemon-reload
  fi
}

# SERVICE ACTIVE ENABLED MASKED RELOAD; yes, no, or - for "as it is".
service_set() {
  service_reload_units "$5" || return 1
  # What was removed with its package, or never was there, needs no stopping, unless it runs on: a policy-rc.d of
  # the host's own, or an image's, keeps packages from stopping what they take away.
  case $2$3$4 in
    *yes*) ;;
    *) if ! service_exists "$1" && ! service_is_active "$1"; then return 0; fi ;;
  esac
  service_note "$1" || return 1
  if [ "$4" = no ] && service_is_masked "$1"; then
    service_mask unmask "$1" || return 1
    # A masked service does not tell this.
    if service_is_enabled "$1"; then note_unit "$1" no yes yes || return 1; fi
    true >"$work/unmasked.$1" && make_durable "$work" "$work/unmasked.$1" || return 1
  fi
  if [ "$2" = no ] && service_is_active "$1"; then service_do stop "$1" || return 1; fi
  # Before it is started: enabling may bring an alias, and systemd forgets that a service runs when it finds that a
  # name which it was asked for before has become one of its aliases.
  case $3 in
    yes) if ! service_is_enabled "$1"; then service_enable "$1" || return 1; fi ;;
    no) if service_is_enabled "$1"; then service_disable "$1" || return 1; fi ;;
  esac
  if [ "$2" = yes ] && ! service_is_active "$1"; then
    service_do start "$1" || return 1
    started="$started $1"
  fi
  if [ "$4" = yes ]; then service_mask mask "$1"; fi
}

# SERVICE RELOAD: restarts it, unless this run has started it after its last file came.
service_restart() {
  service_reload_units "$2" || return 1
  case " $started " in
    *" $1 "*) echo 'started just now, with the new files'; return 0 ;;
  esac
  service_note "$1" || return 1
  service_do restart "$1" || return 1
  started="$started $1"
}

service_reload() {
  service_reload_units "$2" || return 1
  service_note "$1" || return 1
  if service_is_active "$1"; then
    service_do reload "$1"
  else
    service_do start "$1" || return 1
    started="$started $1"
  fi
}

# SERVICE ACTIVE ENABLED MASKED: as it was noted. Files are back already: a restart reads them. When the host
# boots it is about to be started, or not, by what this run had made of it.
service_undo() {
  status=0
  was_enabled=$3
  # It went with its package, which no way back brings.
  case $2$3 in *yes*) if ! service_exists "$1"; then return 0; fi ;; esac
  # Under its mask nothing was enabled or disabled, and how it was there is not known.
  if [ "$4" = yes ] && [ ! -e "$work/unmasked.$1" ]; then was_enabled=-; fi
  if service_is_masked "$1"; then
    # It has been put back already, or never was touched.
    if [ "$4" = yes ]; then was_enabled=-; fi
    service_mask unmask "$1" || status=1
  fi
  case $was_enabled in
    yes) if ! service_is_enabled "$1"; then service_enable "$1" || status=1; fi ;;
    no) if service_is_enabled "$1"; then service_disable "$1" || status=1; fi ;;
  esac
  if [ -e "$work/touched.$1" ] || [ -n "$at_boot" ]; then
    if [ "$2" = yes ]; then
      # A unit that failed several times in a row is refused until its count is forgotten.
      if [ "$(service_manager)" = systemd ]; then systemctl reset-failed "$1" 2>/dev/null; fi
      service_do restart "$1" || status=1
    elif service_exists "$1"; then
      # Also one that is not active: it may be about to be started again. One that cannot be stopped
      # since it never ran is as it was.
      if ! service_do stop "$1" && service_is_active "$1"; then status=1; fi
      # One that could not be started is not to be left as a failed one.
      if [ "$(service_manager)" = systemd ]; then systemctl reset-failed "$1" 2>/dev/null; fi
    fi
  fi
  if [ "$4" = yes ]; then service_mask mask "$1" || status=1; fi
  return "$status"
}
