#!/bin/sh
# Makes the keys and the signed texts of this folder by GnuPG, in a home folder of its own. The times are
# made up: 2020 to 2025, and 2040 for what is from the future.
set -eu
cd "$(dirname "$0")"
GNUPGHOME=$(mktemp -d)
export GNUPGHOME
trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"' EXIT
at() {
  time=$1
  shift
  gpg --quiet --batch --yes --pinentry-mode loopback --passphrase '' --faked-system-time "$time!" "$@"
}
key() { at 20200101T000000 --quick-gen-key "$1 <$1@example.org>" "$2" "$3" "${4:-0}"; }
sign() {
  text=$1 time=$2
  shift 2
  printf 'Suite: stable\nCodename: test\n- dashed\ntrailing  \n' |
    at "$time" --armor "$@" --output "$text" --clearsign
}
keys() {
  file=$1
  shift
  # Later the expired subkey would be left out.
  at "${when:-20250101T000000}" --armor --export-options export-minimal --output "$file" --export "$@"
}

for name in good other late revoked; do key "$name" ed25519 sign; done
key rsa rsa2048 sign
key short rsa1024 sign
key sub ed25519 cert
sub=$(gpg --list-keys --with-colons sub@example.org | sed -n 's/^fpr:*\([0-9A-F]*\):$/\1/p' | head -1)
at 20200102T000000 --quick-add-key "$sub" ed25519 sign 2y
late=$(gpg --list-keys --with-colons late@example.org | sed -n 's/^fpr:*\([0-9A-F]*\):$/\1/p' | head -1)

sign good.asc 20250101T000000 -u good
sign other.asc 20250101T000000 -u other
sign both.asc 20250101T000000 -u other -u good
sign future.asc 20400101T000000 -u good
sign lapsed.asc 20250101T000000 -u good --default-sig-expire 1m
sign weak.asc 20250101T000000 -u rsa --digest-algo SHA1 --allow-weak-digest-algos
sign rsa.asc 20250101T000000 -u rsa
sign short.asc 20250101T000000 -u short
sign sub.asc 20210101T000000 -u sub
sign revoked.asc 20250101T000000 -u revoked
sign in-time.asc 20200601T000000 -u late
sign too-late.asc 20250101T000000 -u late
at 20200201T000000 --quick-set-expire "$late" 20210101T000000
printf 'some data\n' >data
at 20250101T000000 --armor -u good --output data.asc --detach-sign data

keys good.key good
# A key whose subkey has signed and has expired since, and others beside it in one file.
when=20210102T000000 keys several.key other sub good
keys late.key late
keys rsa.key rsa
keys short.key short
# gpg makes a certificate of revocation with each key, and a colon keeps it from being used by mistake.
sed 's/^:---/---/' "$GNUPGHOME"/openpgp-revocs.d/"$(gpg --list-keys --with-colons revoked@example.org |
  sed -n 's/^fpr:*\([0-9A-F]*\):$/\1/p' | head -1)".rev | at 20250201T000000 --import
keys revoked.key revoked
at 20250101T000000 --export --output good.gpg good
