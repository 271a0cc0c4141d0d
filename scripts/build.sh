#!/usr/bin/env bash
# Compiles everything into dist/: the AssemblyScript kernels to WASM SIMD, then the TypeScript.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p dist/src/kernels
if [ ! -f src/kernels/hawser.wasm ] || [ -n "$(find src/kernels/assembly -newer src/kernels/hawser.wasm -name '*.ts' -print -quit)" ]; then
  npx --no-install asc src/kernels/assembly/index.ts --config src/kernels/assembly/asconfig.json --outFile src/kernels/hawser.wasm
fi
cp src/kernels/hawser.wasm dist/src/kernels/hawser.wasm
npx --no-install tsc -p tsconfig.json
# What a source that is gone has left would still run as a test, or be imported.
find dist -name '*.js' | while read -r built; do
  source="${built#dist/}"
  [ -f "${source%.js}.ts" ] || rm -f "$built" "$built.map"
done
