#!/bin/sh
# Installs the programs from PyPI that judge what ezsync reads and what its documentation shows: the tests look for
# them where python.sh puts them. Where one cannot be had its tests are skipped, and say so.
set -eu
cd "$(dirname "$0")/.."
for wanted in tests/*/requirements.txt; do
  if ! tools/python.sh "$wanted" >/dev/null; then
    echo "$(cat "$wanted") cannot be installed: the tests that ask it are skipped" >&2
  fi
done
if ! tests/openshift/schemas.sh >/dev/null; then
  echo "the schemas of OpenShift's objects cannot be had: the tests that ask them are skipped" >&2
fi
