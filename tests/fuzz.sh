#!/bin/sh
# Fuzzes each target (or TARGETS...) for SECONDS, 30 where nothing is said, starting from fuzz/corpus; two at a
# time. Without a sanitizer: our code has no unsafe line, so what would break memory panics, and that is seen;
# and cargo-fuzz needs no other tool chain than the one that builds ezsync.
#
# FUZZ_SECONDS=600 tests/fuzz.sh chronyc answer
set -eu
cd "$(dirname "$0")/.."

version=0.13.2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ezsync-ci
tools=$cache/cargo-fuzz-$version
if ! [ -x "$tools/bin/cargo-fuzz" ]; then
  cargo install cargo-fuzz --version "$version" --locked --quiet --target-dir "$tools/target" --root "$tools"
  rm -rf "$tools/target"
fi
PATH=$tools/bin:$PATH
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/fuzz/target}/fuzz
CARGO_INCREMENTAL=0
export CARGO_TARGET_DIR CARGO_INCREMENTAL
cargo fuzz build --sanitizer none
built=$(echo "$CARGO_TARGET_DIR"/*/release)
if [ $# = 0 ]; then
  # shellcheck disable=SC2046 # names without blanks
  set -- $(cargo fuzz list)
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p fuzz/artifacts

# What is found stays in fuzz/artifacts.
fuzz() { # TARGET
  mkdir "$work/$1"
  if "$built/$1" "$work/$1" "fuzz/corpus/$1" -max_total_time="${FUZZ_SECONDS:-30}" -max_len=65536 -timeout=60 \
    -rss_limit_mb=2048 -artifact_prefix="fuzz/artifacts/$1-" -print_final_stats=1 >"$work/$1.log" 2>&1; then
    echo "$1: $(grep -h '	DONE ' "$work/$1.log" | tr '\t' ' ')"
  else
    touch "$work/found"
    grep -A 3 -h -e panicked -e ERROR "$work/$1.log" | head -n 40 >&2
    echo "$1: a finding, see fuzz/artifacts" >&2
  fi
}

while [ $# -gt 0 ]; do
  fuzz "$1" &
  first=$!
  shift
  if [ $# -gt 0 ]; then
    fuzz "$1"
    shift
  fi
  wait "$first"
done
if [ -e "$work/found" ]; then exit 1; fi
