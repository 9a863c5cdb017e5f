#!/bin/sh
# All tests: format, lints, the shipped shell, and everything that `cargo test` runs, real hosts
# included. Extra arguments go to `cargo test`.
set -eu
cd "$(dirname "$0")/.."

tests/needs.sh
tests/judges.sh
cargo fmt --all --check
cargo clippy --workspace --all-targets --locked -- -D warnings
# A workspace of its own, which is built last: what does not fit it any more is to be seen at once.
cargo check --quiet --manifest-path fuzz/Cargo.toml --locked --all-targets
shellcheck src/remote/sh/*.sh tests/cases/signatures/make.sh tools/*.sh tests/*.sh tests/hosts/image/*.sh .ci/run
tests/deny.sh
# A test asks for it again, beside others that a build would slow down. Where it cannot be built that test is
# skipped, and says so.
tools/portable.sh --profile dev || :
# Real hosts that a killed run may have left would only take up room.
if [ "$(id -u)" = 0 ]; then
  cargo run --quiet --locked --package ezsync-hosts -- clean
fi
cargo test --workspace --locked "$@"
# Whoever asks for some tests alone is not after this.
if [ $# = 0 ]; then tests/fuzz.sh; fi
