import assert from "node:assert/strict";
import type { Entropy } from "../../src/crypto/entropy.ts";
import { fromHex } from "../../src/wire/octets.ts";

/** Gives out exactly these draws (hexadecimal) in order: private keys of published vectors. */
export function fixedEntropy(...draws: readonly string[]): Entropy {
  const left = draws.map(fromHex);
  return {
    bytes(n) {
      const draw = left.shift();
      assert.equal(draw?.length, n, "the code under test drew another number of octets than the vector has");
      return draw;
    },
  };
}
