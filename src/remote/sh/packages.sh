# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Installs and removes packages. A host without network must fail soon, not hang: what needs the network is
# done first and under a deadline ($limit stands before apt-get there), what changes the host has none.

apt_run() {
  DEBIAN_FRONTEND=noninteractive $limit apt-get -q -y \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
    -o DPkg::Lock::Timeout=120 -o Acquire::Retries=0 -o Acquire::http::Timeout=20 \
    -o Acquire::https::Timeout=20 -o Dpkg::Use-Pty=0 "$@"
}

# COMMAND...: fetches something, in bounded time. What it says stands in $work/fetched. Where no name server
# answers each name would take ten seconds and more, and there may be many.
fetch() {
  : "${RES_OPTIONS:=timeout:3 attempts:2}"
  export RES_OPTIONS
  if have timeout; then limit='timeout 180'; fi
  "$@" >"$work/fetched" 2>&1
  status=$?
  limit=
  if [ "$status" -eq 124 ]; then echo 'it timed out after 180 s' >>"$work/fetched"; fi
  return "$status"
}

# Whether nothing could be reached: another try would take as long.
fetch_is_cut_off() {
  ! grep -q -e '^Get:' -e '^Hit:' "$work/fetched" &&
    grep -q -i -e ' resolving ' -e 'not resolve' -e "n't resolve" -e 'not connect' -e "n't connect" \
      -e 'unable to connect' -e 'cannot initiate' -e 'timed out' -e timeout -e 'network is unreachable' \
      -e 'connection refused' "$work/fetched"
}

# Shows what the last try said. 69 is the status of a service that is not to be had.
fetch_failed() {
  cat "$work/fetched"
  if fetch_is_cut_off; then return 69; fi
  return 1
}

# The index is refreshed only when the one at hand does not do.
apt_fetch() {
  if fetch apt_run install --download-only "$@"; then return 0; fi
  if apt_repair "$work/fetched" && fetch apt_run install --download-only "$@"; then return 0; fi
  if fetch_is_cut_off; then return 1; fi
  # It fails also for one broken repository among good ones: what counts is the package.
  fetch apt_run update
  if fetch_is_cut_off; then return 1; fi
  cat "$work/fetched"
  fetch apt_run install --download-only "$@"
}

# Fetching first tells "no such package" and "no network" apart from a failing installation, and what changes
# the host must never be cut off in the middle.
apt_install() {
  apt_fetch "$@" || {
    fetch_failed
    return
  }
  apt_run install --no-download "$@"
}

# LOG: where an earlier run of dpkg was cut off that is brought to its end. It is looked for only when
# apt-get says so: while somebody else's dpkg runs it looks the same, and apt-get waits for that.
apt_repair() {
  grep -q 'dpkg --configure -a' "$1" &&
    DEBIAN_FRONTEND=noninteractive dpkg --configure -a --force-confdef --force-confold
}

dnf_install() {
  fetch bounded 180 "$packager" -y --setopt=timeout=20 --setopt=retries=1 install --downloadonly "$@" || {
    fetch_failed
    return
  }
  "$packager" -y -q -C install "$@"
}

zypper_install() {
  fetch bounded 180 zypper --non-interactive --quiet install --download-only "$@" || {
    fetch_failed
    return
  }
  zypper --non-interactive --quiet --no-refresh install "$@"
}

# apk does not refresh its index by itself.
apk_install() {
  apk add --quiet "$@" || apk add --quiet --update-cache "$@"
}

no_packager() {
  echo 'no package manager found: apt-get, dnf, yum, zypper, apk and pacman were looked for'
  return 1
}

# NAMES: notes those of the packages that are not there yet. They stay, whatever becomes of the run: so what its end
# needs is on the disk before they come.
note_packages() {
  if [ $# = 0 ]; then return 0; fi
  there=$line_end$(list_packages "$@")$line_end
  missing=
  for name; do
    case $there in
      *"$line_end$name$tab"*) ;;
      *) missing="$missing $name" ;;
    esac
  done
  # shellcheck disable=SC2086 # a list of words
  [ -z "$missing" ] || { note package $missing && settle; }
}

# Installs files that were sent (see upload.sh), with nothing but them and what is installed: no list of
# packages is read, none of the host's own is written, and nothing is fetched. Behind the files and `--` stand
# the names of the packages that were asked for, behind another `--` those that only come along.
package_install_files() {
  list=files wanted='' needed=''
  for word; do
    shift
    case $list:$word in
      files:--) list=wanted ;;
      wanted:--) list=needed ;;
      files:*) set -- "$@" "$work/files/$word" ;;
      wanted:*) wanted="$wanted $word" ;;
      *) needed="$needed $word" ;;
    esac
  done
  # shellcheck disable=SC2086 # a list of words
  note_packages $wanted $needed || return 1
  find_packager
  case $packager in
    apt-get) without_services apt_install_files "$@" ;;
    # With no plugins, since some ask a network: subscription-manager's.
    dnf | yum)
      "$packager" -y -q -C --disablerepo='*' --disableplugin='*' --setopt=install_weak_deps=False install "$@"
      ;;
    zypper) zypper_install_files "$@" ;;
    '') no_packager ;;
    *)
      echo "$packager installs no files of a bundle: these are for apt, dnf, yum and zypper"
      return 1
      ;;
  esac || return 1
  rm -f "$@"
}

# apt-get with nothing but the files that it is given. The host's own preferences and its default release
# mean lists that are not read.
apt_offline() {
  apt_run -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o APT::Default-Release= \
    -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o APT::Sandbox::User=root --no-install-recommends "$@"
}

apt_install_files() {
  limit=
  mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" || return 1
  # What would be removed is known before anything is.
  if ! apt_offline --simulate install "$@" >"$work/simulated" 2>&1; then
    cat "$work/simulated"
    return 1
  fi
  removed=$(sed -n -e 's/^Remv \([^ ]*\).*/\1/p' -e 's/^Purg \([^ ]*\).*/\1/p' "$work/simulated")
  for name in $removed; do
    case $(dpkg-query -W -f='${Package} ${Provides}' "$name" 2>/dev/null) in
      *time-daemon*) ;;
      *)
        echo "apt would remove $name, which is no other time daemon: nothing was installed"
        return 1
        ;;
    esac
  done
  apt_offline install "$@" >"$work/apt.log" 2>&1 || {
    cat "$work/apt.log"
    apt_repair "$work/apt.log" && apt_offline install "$@"
  } || {
    for name in $removed; do
      if ! dpkg-query -s "$name" 2>/dev/null | grep -q '^Status: .* installed$'; then
        echo "$name was removed before the installation failed, and is not put back" >>"$work/told"
      fi
    done
    return 1
  }
  apt_note_needed
  for name in $removed; do
    echo "$name was removed: two time daemons cannot be installed at once" >>"$work/told"
  done
}

# What came only because others need it may go with them. What was there before stays as it was marked. The
# packages are installed, whatever becomes of this.
apt_note_needed() {
  new=
  for name in $needed; do
    if grep -q -F -e "Inst $name (" "$work/simulated"; then new="$new $name"; fi
  done
  # shellcheck disable=SC2086 # a list of words
  [ -z "$new" ] || apt-mark -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt" -o Dir::Cache::pkgcache= \
    -o Dir::Cache::srcpkgcache= auto $new >/dev/null 2>&1 || :
}

# Repositories and caches are looked for where none are. Version 1.13 and older have a word for unsigned
# files only in front of the command.
zypper_install_files() {
  mkdir -p "$work/zypp/repos" || return 1
  zypper --non-interactive --quiet --no-refresh --no-gpg-checks --reposd-dir "$work/zypp/repos" \
    --cache-dir "$work/zypp/cache" install --no-recommends "$@"
}

package_install() {
  note_packages "$@" || return 1
  find_packager
  case $packager in
    apt-get) without_services apt_install "$@" ;;
    dnf | yum) dnf_install "$@" ;;
    zypper) zypper_install "$@" ;;
    apk) apk_install "$@" ;;
    pacman) pacman -S --noconfirm --needed --quiet "$@" ;;
    *) no_packager ;;
  esac
}

package_remove() {
  find_packager
  case $packager in
    apt-get)
      limit=
      apt_run remove "$@"
      ;;
    dnf | yum) "$packager" -y -q remove "$@" ;;
    zypper) zypper --non-interactive --quiet remove "$@" ;;
    apk) apk del --quiet "$@" ;;
    pacman) pacman -R --noconfirm "$@" ;;
    *) no_packager ;;
  esac
}
