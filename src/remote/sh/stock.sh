# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Says which packages are on a host, for those who bring it more. Changes nothing, and needs no rights.

package_is_installed() {
  case $packager in
    apt-get)
      # shellcheck disable=SC2016
      case $(dpkg-query -W -f='${Status}' -- "$1" 2>/dev/null) in
        *' installed') return 0 ;;
        *) return 1 ;;
      esac
      ;;
    *) rpm -q -- "$1" >/dev/null 2>&1 ;;
  esac
}

# PATHS...: the architecture as the package manager sees it, and a line for each package: name, version,
# what it gives, with tabs between them; with RPM also one for each of PATHS that a package has.
list_stock() {
  find_packager
  section architecture
  architecture=
  case $packager in
    apt-get) architecture=$(dpkg --print-architecture 2>/dev/null) ;;
    # A 64-bit kernel may run a 32-bit system: rpm's own package tells.
    dnf | yum | zypper)
      architecture=$(rpm -q --qf '%{ARCH}\n' rpm 2>/dev/null) || architecture=$(rpm --eval '%{_arch}' 2>/dev/null)
      ;;
  esac
  printf '%s\n' "$architecture"
  section stock "$packager"
  case $packager in
    apt-get)
      # The third word of the status is what counts: removed packages keep an entry. What was cut off before
      # it was configured is brought to its end before anything is installed. What is of another architecture
      # meets no needs of this one's.
      # shellcheck disable=SC2016
      dpkg-query -W -f='${Status}|${Architecture}|${Package}\t${Version}\t${Provides}\n' 2>/dev/null |
        sed -n -e '/^[^|]* not-installed|/d' -e '/^[^|]* half-installed|/d' -e '/^[^|]* config-files|/d' \
          -e "s/^[^|]*|$architecture|//p" -e 's/^[^|]*|all|//p'
      ;;
    dnf | yum | zypper)
      format='%{NAME}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\t'
      rpm -qa --qf "${format}[%{PROVIDENAME} %{PROVIDEFLAGS:depflags} %{PROVIDEVERSION},]\n" 2>/dev/null
      for path; do
        rpm -q --whatprovides --qf "$format$path\n" -- "$path" 2>/dev/null | grep "^[^ ]*	[^ ]*	/"
      done
      ;;
  esac
}

# NAMES... -- PATHS...: the same where one of the packages NAMES is missing.
probe_stock() {
  find_packager
  missing=
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    if ! package_is_installed "$1"; then missing=yes; fi
    shift
  done
  if [ -n "$missing" ]; then
    shift
    list_stock "$@"
  fi
}
