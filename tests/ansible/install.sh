#!/bin/sh
# Installs the Ansible that judges how inventories are read: the tests look for it where python.sh puts it.
# Where it cannot be had they are skipped, and say so.
set -eu
cd "$(dirname "$0")"
if ! ../../tools/python.sh requirements.txt >/dev/null; then
  echo "$(cat requirements.txt) cannot be installed: the tests that ask it are skipped" >&2
fi
