# shellcheck shell=sh disable=SC2154 # variables and functions are shared between these files
# Installs and removes packages. A host without network must fail soon, not hang: what needs
# the network is done first and under a deadline, what changes the host has none.

apt_run() {
  DEBIAN_FRONTEND=noninteractive $limit apt-get -q -y \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
    -o DPkg::Lock::Timeout=120 -o Acquire::Retries=0 -o Acquire::http::Timeout=20 \
    -o Acquire::https::Timeout=20 "$@"
}

# Fetching first tells "no such package" and "no network" apart from a failing installation.
# The index is refreshed only when the one at hand does not do.
apt_install() {
  limit=
  if have timeout; then limit='timeout 180'; fi
  if ! apt_run install --download-only "$@" >/dev/null 2>&1; then
    # It fails also for one broken repository among good ones: what counts is the package.
    apt_run update || :
    apt_run install --download-only "$@" || return 1
  fi
  # dpkg must never be cut off in the middle.
  limit=
  apt_run install --no-download "$@"
}

# apk does not refresh its index by itself.
apk_install() {
  apk add --quiet "$@" || apk add --quiet --update-cache "$@"
}

no_packager() {
  echo 'no package manager found: apt-get, dnf, yum, zypper, apk and pacman were looked for'
  return 1
}

package_install() {
  find_packager
  case $packager in
    apt-get) apt_install "$@" ;;
    dnf | yum) "$packager" -y -q --setopt=timeout=20 --setopt=retries=1 install "$@" ;;
    zypper) zypper --non-interactive --quiet install "$@" ;;
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
