#!/usr/bin/env bash
# Fetches the IKE daemons of others that the interoperability tests talk to, each into a small root directory of its own below a cache; nothing of
# it is installed on the machine. Prints the directory of each. Quick when it has been done before.
#   interop-peers.sh [PEER…]   strongswan (Debian 12's), strongswan-next (Debian testing's), libreswan; without a name all of them
# Where a peer cannot be had it says why in a sentence, goes on with the others, and ends with status 3.
set -euo pipefail

CACHE=${HAWSER_INTEROP_CACHE:-/var/cache/hawser-interop}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
STRONGSWAN="charon-systemd strongswan-swanctl libcharon-extra-plugins libstrongswan-extra-plugins libstrongswan-standard-plugins"
# What is run inside beside the daemons: env, and the shell of their scripts.
BASE="coreutils dash"

declare -A SUITE=([strongswan]=bookworm [strongswan-next]=forky [libreswan]=bookworm)
declare -A PACKAGES=([strongswan]="$STRONGSWAN" [strongswan-next]="$STRONGSWAN" [libreswan]="libreswan iproute2 libnss3-tools")

fail() { echo "interop-peers: $*" >&2; return 1; }

# The Debian mirror that this machine's own sources name.
mirror() {
  local uri
  uri=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sed -n 's/^Debian //p' | grep -v security | head -n 1)
  echo "${uri:-http://deb.debian.org/debian/}"
}

# apt-get with a configuration, lists and a (blank) status of its own: dependencies are resolved against an empty machine.
private_apt() {
  local home=$1 suite=$2
  shift 2
  if [ ! -f "$home/sources.list" ]; then
    mkdir -p "$home/lists/partial" "$home/archives/partial" "$home/etc"
    : >"$home/status"
    echo "deb [signed-by=$KEYRING] $(mirror) $suite main" >"$home/sources.list"
  fi
  APT_CONFIG=/dev/null apt-get -qq -y \
    -o Dir::Etc="$home/etc" -o Dir::Etc::SourceList="$home/sources.list" -o Dir::Etc::SourceParts=/nonexistent -o Dir::State="$home" \
    -o Dir::State::Lists="$home/lists" -o Dir::State::status="$home/status" -o Dir::Cache="$home" -o Dir::Cache::Archives="$home/archives" \
    -o APT::Sandbox::User=root -o APT::Install-Recommends=false -o APT::Install-Suggests=false -o Acquire::Languages=none \
    -o APT::Update::Error-Mode=any -o Acquire::Retries=3 -o Debug::NoLocking=true "$@"
}

# Fetches and unpacks one peer into $CACHE/PEER. A directory that is there is whole: it gets its name last.
fetch() {
  local peer=$1 suite=${SUITE[$1]:-} work log archive
  [ -n "$suite" ] || { fail "there is no peer $peer; there are ${!SUITE[*]}"; return 1; }
  [ -d "$CACHE/$peer" ] && return 0
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { fail "$peer comes from Debian packages, and this machine has no apt-get"; return 1; }
  [ -f "$KEYRING" ] || { fail "$peer needs Debian's signing keys: apt-get install debian-archive-keyring"; return 1; }
  # What a killed run has left; the lock says that nobody is at it.
  rm -rf "$CACHE/.$peer."*
  work=$(mktemp -d "$CACHE/.$peer.XXXXXX")
  log=$work/log
  if ! private_apt "$work/apt" "$suite" update >"$log" 2>&1 ||
    ! private_apt "$work/apt" "$suite" install --download-only ${PACKAGES[$peer]} $BASE >>"$log" 2>&1; then
    fail "$peer could not be fetched from Debian $suite at $(mirror): $(grep -v '^$' "$log" | tail -n 1)"
    rm -rf "$work"
    return 1
  fi
  mkdir "$work/root"
  # Merged /usr, as the packages expect it.
  mkdir -p "$work/root/usr/bin" "$work/root/usr/sbin" "$work/root/usr/lib" "$work/root/usr/lib64"
  for directory in bin sbin lib lib64; do ln -s "usr/$directory" "$work/root/$directory"; done
  for archive in "$work"/apt/archives/*.deb; do dpkg-deb --fsys-tarfile "$archive" | tar -x --keep-directory-symlink -C "$work/root"; done
  mkdir -p "$work/root"/{dev,proc,sys,run,tmp,etc,mnt,var/lib,var/run}
  echo "root:x:0:0:root:/root:/bin/sh" >"$work/root/etc/passwd"
  echo "root:x:0:" >"$work/root/etc/group"
  mv -T "$work/root" "$CACHE/$peer"
  rm -rf "$work"
}

[ "$(id -u)" -eq 0 ] || { fail "root is needed to unpack the peers and to run them in a directory of their own"; exit 3; }
mkdir -p "$CACHE"
exec 9>"$CACHE/.lock"
flock 9
status=0
[ $# -gt 0 ] || set -- strongswan strongswan-next libreswan
for peer in "$@"; do
  if fetch "$peer"; then echo "$CACHE/$peer"; else status=3; fi
done
exit "$status"
