#!/bin/sh
# Turns the root of a lab host into one of Red Hat's family: dnf and rpm install what there is, apt and dpkg
# are gone. Runs after customize.sh as mmdebstrap's customize hook, with its environment. No mirror has
# packages that fit this root, so they are made here, with Debian's chrony in them.
#   LAB_BUILD  folder with what the packages are made of
set -eu
root=$1

cp -R "$LAB_BUILD" "$root/build"
mv "$LAB_PACKAGES"/chrony_*.deb "$root/build/chrony.deb"
rm -f "$LAB_PACKAGES"/*
chroot "$root" sh -eu <<'BUILD'
cd /build
dpkg-deb --extract chrony.deb chrony
version=$(dpkg-deb --field chrony.deb Version | sed 's/^[0-9]*://; s/-.*//')
rpmbuild -bb --quiet --define '_topdir /build/made' --define '_builddir /build' \
  --define 'chrony /build/chrony' --define "chrony_version $version" packages.spec
mkdir packages
mv made/RPMS/*/*.rpm packages/
createrepo_c --quiet packages
# What a minimal system has stands in the database, for its files are here already.
rpm --initdb
for package in packages/*.rpm; do
  case ${package#packages/} in
    chrony-* | libedit-*) ;;
    *) rpm --install --justdb --nodeps --noscripts "$package" ;;
  esac
done
BUILD
mv "$root"/build/packages/* "$LAB_PACKAGES/"
rm -rf "$root/build"

# chrony's package needs it from another one. sftp, which needs it too, is not used.
rm -f "$root"/usr/lib/*/libedit.so.*
rm -rf "$root"/etc/dpkg "$root"/etc/debian_version "$root"/etc/default/chrony
rm -f "$root"/usr/bin/apt "$root"/usr/bin/apt-* "$root"/usr/bin/dpkg "$root"/usr/bin/dpkg-*
rm -rf "$root"/var/lib/dpkg
