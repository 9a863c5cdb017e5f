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
      dpkg_status "$@" || dpkg-query -W -f='${Status}|${Package}\t${Version}\n' -- "$@" 2>/dev/null |
        while IFS='|' read -r status package; do dpkg_package "$status" "$package"; done
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

# STATUS NAME<tab>VERSION
dpkg_package() {
  case $1 in
    *' installed') printf '%s\n' "$2" ;;
    *' half-'* | *' unpacked') printf '! %s\n' "${2%%"$tab"*}" ;;
  esac
}

# NAMES...: does the same by dpkg's own file, in a third of the time, and in a tenth where there are two thousand
# packages. False where that says not all: there are names that are none of packages, or dpkg was cut off and has
# notes beside it.
dpkg_status() {
  for name; do
    shift
    case $name in *[!a-z0-9.+-]*) return 1 ;; esac
    set -- "$@" -e "Package: $name"
  done
  for path in /var/lib/dpkg/updates/*; do
    if [ -e "$path" ]; then return 1; fi
  done
  # dpkg writes its fields in one order: these three, each of one line, are among the first fourteen.
  found=$(grep -x -F -A 13 "$@" /var/lib/dpkg/status 2>/dev/null)
  if [ $? -gt 1 ]; then return 1; fi
  printf '%s\n' "$found" | while IFS= read -r line; do
    case $line in
      'Package: '*)
        # What follows a short entry is another's.
        case " $* " in *" -e $line "*) name=${line#* } ;; *) name= ;; esac
        ;;
      'Status: '*) state=${line#* } ;;
      'Version: '*) if [ -n "$name" ]; then dpkg_package "$state" "$name$tab${line#* }"; fi ;;
    esac
  done
}
