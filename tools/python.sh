#!/bin/sh
# Installs what a requirements file pins into a folder of its own outside of the tree, and prints which.
set -eu
wanted=$(cat "$1")
name=$(printf %s "$wanted" | sed 's/==/-/' | tr '\n' +)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/ezsync-ci/$name
if ! [ -e "$folder/complete" ]; then
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install -q --disable-pip-version-check -r "$1"
  touch "$folder/complete"
fi
printf '%s\n' "$folder"
