# shellcheck shell=sh
# What is asked of a host whose time cannot be proved: why. Changes nothing.

# Arguments: the service, then addresses of sources that are silent.
look_closer() {
  section log
  if have journalctl; then
    journalctl --quiet --no-pager --output=cat --lines=20 --unit="$1" 2>/dev/null
  fi
  shift
  if have chronyc; then
    for report in ntpdata selectdata authdata; do
      section "$report"
      bounded 5 chronyc -n -c "$report" 2>&1
    done
  fi
  section queries
  for address in "$@"; do
    query "$address" &
  done
  wait
}

# Asks one source without the daemon and without its keys. Nothing is set: -Q only prints.
query() {
  if have ip; then ip -o route get "$1" 2>&1 | sed "s/^/$1 route /"; fi
  # Debian's AppArmor profile lets chronyd write only there.
  folder=/run/chrony
  if [ ! -d "$folder" ]; then folder=/run; fi
  if have chronyd; then
    bounded 4 chronyd -Q -t 2 "server $1 iburst maxsamples 1" \
      "pidfile $folder/ezsync-$$-$(printf %s "$1" | tr -c '0-9a-f' -).pid" 2>&1 | sed "s/^/$1 asked /"
  fi
}
