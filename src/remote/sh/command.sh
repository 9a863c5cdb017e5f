# shellcheck shell=sh disable=SC2154,SC2034 # variables and functions are shared between these files
# Runs a command of the user's. The function `wanted` comes with the run; $mark is set by the line
# before. Nothing else is touched: the command finds the environment as the host gives it.

# When the script's own input ends, or a line comes, nobody waits any more: the command is ended, with
# all that it has started.
command_run() {
  printf '\n%s begun\n' "$mark"
  alone=
  if command -v setsid >/dev/null 2>&1; then alone=setsid; fi
  exec 3<&0
  wanted </dev/null 3<&- &
  running=$!
  # What it prints must not keep the output open.
  (
    read -r _ <&3 || :
    kill -- "-$running" || kill "$running"
  ) >/dev/null 2>&1 &
  watching=$!
  # bash tells how it was killed: the status does.
  wait "$running" 2>/dev/null
  status=$?
  kill "$watching" 2>/dev/null
  printf '\n%s ended %s\n' "$mark" "$status"
}
