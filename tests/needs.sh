#!/bin/sh
# Installs what the tests and the demo need on a Debian machine. Without root it only says what is
# missing: the tests that need it are then skipped, and say so.
set -eu

missing=
need() { # PROGRAM PACKAGE
  if ! command -v "$1" >/dev/null 2>&1 && ! [ -e "$1" ]; then missing="$missing $2"; fi
}
PATH=$PATH:/usr/sbin:/sbin
need cc build-essential
need mmdebstrap mmdebstrap
need systemd-nspawn systemd-container
need apt-ftparchive apt-utils
need ip iproute2
need linux.uml user-mode-linux
need mke2fs e2fsprogs
need sshd openssh-server
need ssh openssh-client
need busybox busybox
need pgrep procps
need dash dash
need shellcheck shellcheck
need /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring

if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then missing="$missing python3-venv"; fi

if [ -n "$missing" ] && [ "$(id -u)" != 0 ]; then
  echo "not root: not installed are$missing" >&2
elif [ -n "$missing" ]; then
  apt-get update -q
  # shellcheck disable=SC2086 # a list of packages
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
fi

# Ansible judges how inventories are read. It stays in a folder of its own, outside of the tree.
wanted=$(cat "$(dirname "$0")/ansible/requirements.txt")
ansible=${XDG_CACHE_HOME:-$HOME/.cache}/ezsync-ci/$(echo "$wanted" | sed 's/==/-/')
if ! [ -e "$ansible/complete" ]; then
  rm -rf "$ansible"
  if python3 -m venv "$ansible" && "$ansible/bin/pip" install -q --disable-pip-version-check "$wanted"; then
    touch "$ansible/complete"
  else
    echo "$wanted cannot be installed: the tests that ask it are skipped" >&2
  fi
fi
