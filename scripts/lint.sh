#!/usr/bin/env bash
# Rules of the house: lint, format, and imports that only go down.
set -euo pipefail
cd "$(dirname "$0")/.."
npx --no-install eslint src test $([ -d bench ] && echo bench)
npx --no-install prettier --check --log-level warn .
npx --no-install depcruise --config .dependency-cruiser.cjs --output-type err src
