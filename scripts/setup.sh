#!/usr/bin/env bash
# Makes a fresh clone ready to run: node modules, system packages (as root on Debian and Ubuntu), build. Quick when nothing has changed.
#   --quiet   say only what is missing
set -euo pipefail
cd "$(dirname "$0")/.."

QUIET=no
[ "${1:-}" = --quiet ] && QUIET=yes
say() { [ "$QUIET" = yes ] || echo "setup: $*"; }
warn() { echo "setup: $*" >&2; }

# Program or file that proves it → Debian package.
PACKAGES=(
  "ip:iproute2" "ping:iputils-ping" "iperf3:iperf3" "tshark:tshark" "tcpdump:tcpdump" "nft:nftables" "sysctl:procps" "openssl:openssl"
  "/usr/lib/python3/dist-packages/scapy/__init__.py:python3-scapy" "/usr/lib/python3/dist-packages/cryptography/__init__.py:python3-cryptography"
  "libIPSec_MB.so.1:libipsec-mb1"
)

check_node() {
  command -v node >/dev/null || { warn "Node.js is missing; install version 20.19 or later."; exit 3; }
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    { warn "Node.js $(node --version) is too old; install version 20.19 or later."; exit 3; }
}

is_there() {
  case "$1" in
    /*) [ -e "$1" ] ;;
    *.so.*) ldconfig -p 2>/dev/null | grep -qF "$1" || PATH="$PATH:/sbin:/usr/sbin" ldconfig -p | grep -qF "$1" ;;
    *) PATH="$PATH:/sbin:/usr/sbin" command -v "$1" >/dev/null ;;
  esac
}

install_packages() {
  local missing=() entry
  for entry in "${PACKAGES[@]}"; do
    is_there "${entry%%:*}" || missing+=("${entry##*:}")
  done
  # Only processors of this kind have it; elsewhere libcrypto does the work.
  [ "$(uname -m)" = x86_64 ] || missing=("${missing[@]/libipsec-mb1/}")
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    warn "not installed, and wanted for all tests and full speed: ${missing[*]}"
    warn "as root: apt-get install --no-install-recommends ${missing[*]}"
    return 0
  fi
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local log
  log=$(mktemp)
  # One by one, so that a package which a distribution lacks does not keep out the others.
  apt-get update -qq >"$log" 2>&1 || warn "the package lists could not be refreshed; going on with those that are here"
  for entry in "${missing[@]}"; do
    [ -n "$entry" ] || continue
    apt-get install -y -qq --no-install-recommends "$entry" >>"$log" 2>&1 ||
      { warn "$entry could not be installed, going on without it; the last words of apt-get:"; tail -n 3 "$log" >&2; }
  done
  rm -f "$log"
}

install_modules() {
  local stamp=node_modules/.hawser-lock wanted
  wanted=$(sha256sum package-lock.json | cut -d' ' -f1)
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return 0
  # A tree that npm itself finds complete need not be fetched again.
  if [ ! -d node_modules ] || ! npm ls --all >/dev/null 2>&1; then
    say "installing node modules"
    npm ci --no-audit --no-fund --loglevel=error
  fi
  echo "$wanted" >"$stamp"
}

build() {
  local stamp=dist/.built
  if [ -f "$stamp" ] && [ -z "$(find src test bench scripts tsconfig.json package.json package-lock.json -newer "$stamp" -print -quit 2>/dev/null)" ]; then
    return 0
  fi
  say "building"
  # Taken before: what is edited during the build is built the next time.
  mkdir -p dist
  touch dist/.building
  bash scripts/build.sh
  mv dist/.building "$stamp"
}

check_node
install_packages
install_modules
build
say "ready"
