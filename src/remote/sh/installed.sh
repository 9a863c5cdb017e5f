# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Which of some packages are installed. Changes nothing.

# Prints NAME<tab>VERSION for each of the packages that is installed, and `! NAME` for one whose installation
# was cut off.
list_packages() {
  find_packager
  case $packager in
    apt-get)
      # The third word of the status is what counts: removed packages keep an entry.
      # shellcheck disable=SC2016
      dpkg-query -W -f='${Status}|${Package}\t${Version}\n' -- "$@" 2>/dev/null |
        while IFS='|' read -r status package; do
          case $status in
            *' installed') printf '%s\n' "$package" ;;
            *' half-'* | *' unpacked') printf '! %s\n' "${package%%"$tab"*}" ;;
          esac
        done
      ;;
    dnf | yum | zypper)
      rpm -q --qf '%{NAME}\t%{VERSION}-%{RELEASE}\n' -- "$@" 2>/dev/null
      ;;
    apk)
      for name in "$@"; do
        if apk info -e "$name" >/dev/null 2>&1; then printf '%s\t-\n' "$name"; fi
      done
      ;;
    pacman) pacman -Q -- "$@" 2>/dev/null | tr ' ' '\t' ;;
  esac
}
