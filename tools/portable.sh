#!/bin/sh
# Builds ezsync as one file that runs wherever glibc 2.17 (of 2012) or a later one is: the oldest that Rust
# itself supports. Here the glibc may be any. Zig, which knows the old one, comes from PyPI.
# Arguments are for cargo: `--profile dev` builds sooner. Prints where the file is.
set -eu
cd "$(dirname "$0")/.."
zig=$(tools/python.sh tools/portable.txt)
target=$(uname -m)-unknown-linux-gnu
case " $* " in *' --profile '*) ;; *) set -- --release "$@" ;; esac
said=$(PATH=$zig/bin:$PATH cargo zigbuild --quiet --locked --bin ezsync --target "$target.2.17" \
  --message-format json-render-diagnostics "$@")
printf '%s\n' "$said" | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p'
