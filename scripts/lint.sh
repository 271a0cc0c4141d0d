#!/usr/bin/env bash
# Rules of the house: lint, format, and imports that only go down. The two slow ones run side by side.
set -euo pipefail
cd "$(dirname "$0")/.."
npx --no-install eslint src test bench &
eslint=$!
status=0
npx --no-install prettier --check --log-level warn . || status=1
npx --no-install depcruise --config .dependency-cruiser.cjs --output-type err src || status=1
wait "$eslint" || status=1
exit "$status"
