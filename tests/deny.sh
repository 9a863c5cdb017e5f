#!/bin/sh
# The code of others that ezsync is made of: licences, bans, sources and known faults, by deny.toml.
#
# The list of known faults is RustSec's, a git repository. It comes from where deny.toml's default says, or
# from a copy of it that EZSYNC_ADVISORY_DB names; else the copy of an earlier run is taken, which tells its
# date. Where there is none at all that is said, and everything else is checked.
set -eu
cd "$(dirname "$0")/.."

version=0.20.2
tools=${XDG_CACHE_HOME:-$HOME/.cache}/ezsync-ci/cargo-deny-$version
if ! [ -x "$tools/bin/cargo-deny" ]; then
  # It runs for seconds: what it is built in counts more than how fast it is.
  CARGO_PROFILE_DEV_DEBUG=0 cargo install cargo-deny --version "$version" --locked --quiet \
    --profile dev --target-dir "$tools/target" --root "$tools"
  rm -rf "$tools/target"
fi
PATH=$tools/bin:$PATH
manifests="Cargo.toml fuzz/Cargo.toml"

for manifest in $manifests; do
  cargo deny --manifest-path "$manifest" --config deny.toml --locked check licenses bans sources
done

origin=https://github.com/RustSec/advisory-db
if [ -n "${EZSYNC_ADVISORY_DB:-}" ]; then
  GIT_CONFIG_COUNT=2
  GIT_CONFIG_KEY_0=url.file://$EZSYNC_ADVISORY_DB.insteadOf
  GIT_CONFIG_VALUE_0=$origin
  GIT_CONFIG_KEY_1=safe.directory
  GIT_CONFIG_VALUE_1='*'
  export GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 GIT_CONFIG_KEY_1 GIT_CONFIG_VALUE_1
fi
# As cargo deny names it.
known=${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/advisory-db-3157b0e258782691
if timeout 60 git ls-remote --quiet "$origin" HEAD >/dev/null 2>&1; then
  online=
elif [ -d "$known/.git" ]; then
  online=--offline
else
  echo "SKIPPED: known faults of crates: RustSec's list cannot be reached, and there is no copy of it" >&2
  exit 0
fi
for manifest in $manifests; do
  # shellcheck disable=SC2086 # a flag or nothing
  cargo deny --manifest-path "$manifest" --config deny.toml --locked $online check advisories
done
echo "known faults of crates: none, by RustSec's list of $(git -C "$known" log -1 --format=%cs)"
