#!/bin/sh
# Installs the Ansible that judges how inventories are read, in a folder of its own outside of the
# tree: the tests look for it there. Where it cannot be had they are skipped, and say so.
set -eu
wanted=$(cat "$(dirname "$0")/requirements.txt")
ansible=${XDG_CACHE_HOME:-$HOME/.cache}/ezsync-ci/$(echo "$wanted" | sed 's/==/-/')
if ! [ -e "$ansible/complete" ]; then
  rm -rf "$ansible"
  if python3 -m venv "$ansible" && "$ansible/bin/pip" install -q --disable-pip-version-check "$wanted"; then
    touch "$ansible/complete"
  else
    echo "$wanted cannot be installed: the tests that ask it are skipped" >&2
  fi
fi
