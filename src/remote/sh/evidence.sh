# shellcheck shell=sh
# What is asked of a host whose time cannot be proved: why. Changes nothing.

# Arguments: the service, then addresses of sources that are silent.
look_closer() {
  section log
  journal_of "$1" 20
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
    pidfile=$folder/ezsync-$$-$(printf %s "$1" | tr -c '0-9a-f' -).pid
    bounded 4 chronyd -Q -t 2 "server $1 iburst maxsamples 1" "pidfile $pidfile" 2>&1 |
      sed "s/^/$1 asked /"
    # It may have no right to remove it by then.
    rm -f "$pidfile"
  fi
}

# SERVICE CONF: what may become a trouble on a host that passes. Lines of a word and what it is about.
look_around() {
  section system
  if [ -r "$2" ]; then
    echo 'conf read'
    grep -E '^[[:space:]]*(rtcsync|rtcfile|driftfile|noclientlog|confdir|include)' "$2" | sed 's/^/conf /'
  fi
  time_processes
  if have vmware-toolbox-cmd; then
    bounded 5 vmware-toolbox-cmd timesync status 2>&1 | sed 's/^/vmware /'
  fi
  # What chronyd complains of once is to be found hours later.
  journal_of "$1" 2000 | grep -E 'interference detected|Could not .*drift' | tail -n 5 |
    sed 's/^/log /'
}

# SERVICE LINES: the end of what the service and chronyd have to say. What a process says just before it
# ends has no service to its name in the journal, but the name of the program.
journal_of() {
  if have journalctl; then
    bounded 5 journalctl --quiet --no-pager --boot --output=cat --lines="$2" "UNIT=$1.service" + \
      "_SYSTEMD_UNIT=$1.service" + SYSLOG_IDENTIFIER=chronyd 2>/dev/null
  fi
}

# Programs that keep time, also those that no service has started: `process PID PARENT NAME ARGUMENTS`.
# Processes of containers are not this host's: they have other process numbers of their own.
time_processes() {
  own=$(readlink /proc/self/ns/pid)
  for folder in /proc/[0-9]*; do
    read -r name 2>/dev/null <"$folder/comm" || continue
    case $name in
      chronyd | ntpd | ntp-daemon | openntpd | systemd-timesyn | sntp | ntpdate | VBoxService) ;;
      *) continue ;;
    esac
    if [ "$(readlink "$folder/ns/pid")" != "$own" ]; then continue; fi
    printf 'process %s %s %s %s\n' "${folder#/proc/}" \
      "$(sed -n 's/^PPid:[[:space:]]*//p' "$folder/status" 2>/dev/null)" \
      "$name" "$(tr '\0' ' ' <"$folder/cmdline" 2>/dev/null)"
  done
}

# Arguments: addresses of clients that this host, the source, should answer.
ask_source() {
  section access
  for address in "$@"; do
    printf '%s %s\n' "$address" "$(bounded 5 chronyc -n accheck "$address" 2>&1 | tail -n 1)"
  done
  section clients
  bounded 5 chronyc -n -c clients 2>&1
  section end
}
