#!/bin/sh
# Builds ezsync, makes four real hosts that have no chrony and no internet, and runs
# `ezsync setup demo` on them, twice: the second time nothing has to change. Needs root.
set -eu
cd "$(dirname "$0")/.."

tests/needs.sh
cargo build --release --locked --workspace
built=$(cd "${CARGO_TARGET_DIR:-target}/release" && pwd)
ezsync=$built/ezsync
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT

"$ezsync" --project-dir "$project" new demo
echo 'ntp_servers: []' >"$project/inventories/demo/config.yml"
# shellcheck disable=SC2016 # the inner shell expands these
"$built/ezsync-hosts" run --image bare --count "${1:-4}" --inventory "$project/inventories/demo/hosts" -- \
  sh -euc '
    cd "$1"
    set -- "$2" setup demo --known-hosts "$EZSYNC_LAB_KNOWN_HOSTS"
    echo; echo "# ezsync setup demo"; "$@"
    echo; echo "# once more: nothing has to change"; "$@"
  ' demo "$project" "$ezsync"
