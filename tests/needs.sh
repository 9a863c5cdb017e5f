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
need objdump binutils
need mmdebstrap mmdebstrap
need systemd-nspawn systemd-container
need apt-ftparchive apt-utils
need gpg gnupg
need gpgconf gnupg
need xz xz-utils
need rpmbuild rpm
need createrepo_c createrepo-c
need ip iproute2
need linux.uml user-mode-linux
need mke2fs e2fsprogs
need sshd openssh-server
need ssh openssh-client
need busybox busybox
need pgrep procps
need strace strace
need dash dash
need openssl openssl
need shellcheck shellcheck
need ignition-validate ignition
need /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring

# python3 may be there without what makes environments.
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then missing="$missing python3-venv"; fi

if [ -z "$missing" ]; then exit 0; fi
if [ "$(id -u)" != 0 ]; then
  echo "not root: not installed are$missing" >&2
  exit 0
fi
apt-get update -q
# shellcheck disable=SC2086 # a list of packages
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
