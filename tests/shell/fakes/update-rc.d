#!/bin/sh
# Debian's update-rc.d: links in /etc/rc*.d.
echo "update-rc.d $*" >>/calls
for level in 2 3 4 5; do
  mkdir -p "/etc/rc$level.d"
  rm -f /etc/rc$level.d/[SK][0-9][0-9]"$1"
  case $2 in
    enable) ln -s "../init.d/$1" "/etc/rc$level.d/S20$1" ;;
    disable) ln -s "../init.d/$1" "/etc/rc$level.d/K80$1" ;;
  esac
done
