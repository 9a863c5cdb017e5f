# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# How services stand under systemd, OpenRC and the old init scripts. Changes nothing.

service_is_active() {
  case $(service_manager) in
    systemd) systemctl is-active --quiet "$1" ;;
    openrc) rc-service --quiet "$1" status >/dev/null 2>&1 ;;
    *) service "$1" status >/dev/null 2>&1 ;;
  esac
}

service_is_enabled() {
  case $(service_manager) in
    systemd) systemctl is-enabled --quiet "$1" 2>/dev/null ;;
    openrc) [ -e "/etc/runlevels/default/$1" ] || [ -e "/etc/runlevels/boot/$1" ] ;;
    *)
      for link in /etc/rc[2-5].d/S[0-9][0-9]"$1"; do
        if [ -e "$link" ]; then return 0; fi
      done
      return 1
      ;;
  esac
}
