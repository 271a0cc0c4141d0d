#!/usr/bin/env bash
# Unpacks the tunnels that the benchmark compares with (wireguard-go, strongSwan, OpenVPN) into a directory of their own: nothing is installed,
# no service is started. They come from Debian's forky with all their libraries, as a root to chroot into, so it does not matter how old the
# machine's own are. Prints the root; says in a sentence why there is none.
#   bench-peers.sh [DIRECTORY]   default: ${XDG_CACHE_HOME:-~/.cache}/hawser/bench-peers
set -euo pipefail

SUITE=forky
PACKAGES=(wireguard-go wireguard-tools openvpn charon-systemd strongswan-swanctl libcharon-extra-plugins libstrongswan-standard-plugins iproute2 dash)
directory=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/hawser/bench-peers}
root=$directory/root
stamp=$directory/complete
wanted="$SUITE ${PACKAGES[*]}"

fail() { echo "bench-peers: $*" >&2; exit 1; }

if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then echo "$root"; exit 0; fi
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "the peers come as Debian packages, and this machine has no apt-get"

# The mirror that this machine uses itself.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ' || true)
[ -n "$mirror" ] || fail "no Debian mirror is named in /etc/apt"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || fail "the package debian-archive-keyring is missing"

apt=$directory/apt
rm -rf "$directory"
mkdir -p "$root" "$apt"/{lists/partial,archives/partial,parts}
# apt-get gives up root's rights for downloads.
chmod 755 "$directory" "$apt"
echo "deb [signed-by=$keyring] $mirror $SUITE main" >"$apt/sources.list"
: >"$apt/status"
options=(
  -o "Dir::State::Lists=$apt/lists" -o "Dir::State::Status=$apt/status" -o "Dir::Cache::Archives=$apt/archives" -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache="
  -o "Dir::Etc::SourceList=$apt/sources.list" -o "Dir::Etc::SourceParts=$apt/parts" -o "Dir::Etc::Preferences=/dev/null" -o "Dir::Etc::PreferencesParts=$apt/parts"
  -o "APT::Sandbox::User=root" -o "Acquire::Languages=none" -o "Debug::NoLocking=1" -qq
)
apt-get "${options[@]}" update >"$directory/log" 2>&1 || fail "the package lists of $SUITE cannot be had from $mirror: $(tail -n 1 "$directory/log")"
apt-get "${options[@]}" install --download-only --yes --no-install-recommends "${PACKAGES[@]}" >>"$directory/log" 2>&1 ||
  fail "the packages cannot be had: $(tail -n 1 "$directory/log")"

# Since all of Debian has merged /usr, packages expect these links.
mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{proc,dev,sys,tmp,run,etc}
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
for package in "$apt"/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink --exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/locale'
done
rm -rf "$apt"
[ -e "$root/bin/sh" ] || ln -s dash "$root/usr/bin/sh"
echo "$wanted" >"$stamp"
echo "$root"
