# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Says which packages are on a host. Changes nothing, and needs no rights.

# A line for each package: name, version, what it gives, with tabs between them.
list_stock() {
  find_packager
  section stock "$packager"
  case $packager in
    apt-get)
      # The third word of the status is what counts: removed packages keep an entry.
      # shellcheck disable=SC2016
      dpkg-query -W -f='${Status}|${Package}\t${Version}\t${Provides}\n' 2>/dev/null |
        sed -n 's/^[a-z]* [a-z]* installed|//p'
      ;;
    dnf | yum | zypper)
      rpm -qa --qf '%{NAME}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\t[%{PROVIDENAME} %{PROVIDEFLAGS:depflags} %{PROVIDEVERSION},]\n' 2>/dev/null
      ;;
  esac
  section end
}
