#!/usr/bin/env bash
# Runs the tests of a built tree: lint first, then everything that needs no network devices, then the tests with other implementations, then the
# end-to-end tests one by one.
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
mapfile -t interop < <(tests_in dist/test "$@" | grep '^dist/test/interop/' || true)
mapfile -t e2e < <(tests_in dist/test "$@" | grep '^dist/test/e2e/' || true)
[ $((${#units[@]} + ${#interop[@]} + ${#e2e[@]})) -gt 0 ] || { echo "test: no test file matches: $*" >&2; exit 2; }

status=0
# Runs the files at the same time, as many as the first argument says. This reporter names what failed once more at the end, where a long log is read.
run() {
  local concurrency=$1
  shift
  [ $# -eq 0 ] || node --enable-source-maps --test --test-reporter=spec --test-concurrency="$concurrency" "$@" || status=1
}
run "$(nproc)" "${units[@]}"
# These wait for their peers more than they work, each in namespaces of its own: more of them than CPUs.
run 3 "${interop[@]}"
# These load all CPUs.
run 1 "${e2e[@]}"
exit "$status"
