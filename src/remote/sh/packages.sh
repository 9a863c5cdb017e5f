# shellcheck shell=sh
# Installs and removes packages. A host without network must fail soon, not hang: what needs
# the network is done first and under a deadline, what changes the host has none.

apt_run() {
  DEBIAN_FRONTEND=noninteractive LC_ALL=C $limit apt-get -q -y \
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
    apt_run update || return 1
    apt_run install --download-only "$@" || return 1
  fi
  # dpkg must never be cut off in the middle.
  limit=
  apt_run install --no-download "$@"
}

package_install() {
  if have apt-get; then
    apt_install "$@"
  elif have dnf; then
    dnf -y -q --setopt=timeout=20 --setopt=retries=1 install "$@"
  elif have yum; then
    yum -y -q --setopt=timeout=20 --setopt=retries=1 install "$@"
  elif have zypper; then
    zypper --non-interactive --quiet install "$@"
  elif have apk; then
    apk add --quiet "$@"
  elif have pacman; then
    pacman -S --noconfirm --needed --quiet "$@"
  else
    echo 'no package manager found: apt-get, dnf, yum, zypper, apk and pacman were looked for'
    return 1
  fi
}

package_remove() {
  if have apt-get; then
    limit=
    apt_run remove "$@"
  elif have dnf; then
    dnf -y -q remove "$@"
  elif have yum; then
    yum -y -q remove "$@"
  elif have zypper; then
    zypper --non-interactive --quiet remove "$@"
  elif have apk; then
    apk del --quiet "$@"
  elif have pacman; then
    pacman -R --noconfirm "$@"
  else
    echo 'no package manager found: apt-get, dnf, yum, zypper, apk and pacman were looked for'
    return 1
  fi
}
