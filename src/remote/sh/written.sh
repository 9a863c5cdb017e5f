# shellcheck shell=sh
# Keeps a copy of what ezsync has written, so that it can be shown later what somebody else changed of it.
# Whether a copy is what was written is told by its digest in the record: one that is missing or wrong does no
# harm.

# JOURNAL: of each file that the change with this journal has written or set the attributes of, called when the
# change is kept. It can be called again.
written_keep() {
  while IFS='	' read -r kind path _; do
    case $kind in
      path | attributes) ;;
      *) continue ;;
    esac
    copy=/var/lib/ezsync/written$path
    # A full disk must not fail what has worked.
    if [ ! -f "$path" ] || ! is_public "$path" || ! written_copy 2>/dev/null; then rm -f "$copy" "$copy.part"; fi
  done <"$1"
}

# PATH: whether everyone may read it. What is a secret is shown in no diff, and lies in one place.
is_public() { [ -n "$(find "$1" -prune -perm -004 2>/dev/null)" ]; }

written_copy() {
  (umask 077 && mkdir -p "${copy%/*}") && cp -p "$path" "$copy.part" && mv -f "$copy.part" "$copy"
}
