#!/usr/bin/env bash
# Runs the tests of a built tree: lint first, then everything that needs no network devices, then the end-to-end and interoperability tests one by one.
#   test.sh [--no-lint] [WORD…]   only test files whose path contains one of the words
set -euo pipefail
cd "$(dirname "$0")/.."

LINT=yes
[ "${1:-}" = --no-lint ] && { LINT=no; shift; }

# Files below $1 that match the words given. Support modules are not tests.
tests_in() {
  local root=$1 word
  shift
  find "$root" -name '*.test.js' | sort | while read -r file; do
    [ "$#" -eq 0 ] && echo "$file"
    for word in "$@"; do
      [[ "$file" == *"$word"* ]] && echo "$file" && break
    done
  done
}

[ "$LINT" = no ] || bash scripts/lint.sh

mapfile -t units < <(tests_in dist/test "$@" | grep -vE '^dist/test/(e2e|interop)/' || true)
mapfile -t e2e < <(tests_in dist/test "$@" | grep -E '^dist/test/(e2e|interop)/' || true)
[ $((${#units[@]} + ${#e2e[@]})) -gt 0 ] || { echo "test: no test file matches: $*" >&2; exit 2; }

# This reporter names what failed once more at the end, where a long log is read.
status=0
if [ "${#units[@]}" -gt 0 ]; then
  node --enable-source-maps --test --test-reporter=spec --test-concurrency="$(nproc)" "${units[@]}" || status=1
fi
# These share the machine's CPUs and devices: together they would measure each other.
if [ "${#e2e[@]}" -gt 0 ]; then
  node --enable-source-maps --test --test-reporter=spec --test-concurrency=1 "${e2e[@]}" || status=1
fi
exit "$status"
