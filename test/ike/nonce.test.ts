import assert from "node:assert/strict";
import { test } from "node:test";
import { compareNonces, lowerNonce } from "../../src/ike/nonce.ts";

test("nonces are ordered octet by octet, and a prefix is lower than what it begins", () => {
  const order = [[0], [0, 0], [0, 255], [1], [1, 0, 0], [127], [128], [255]].map((octets) => Uint8Array.from(octets));
  for (const [i, a] of order.entries()) {
    for (const [j, b] of order.entries()) assert.equal(Math.sign(compareNonces(a, b)), Math.sign(i - j), `${a.join()} and ${b.join()}`);
  }
  assert.deepEqual(lowerNonce(Uint8Array.of(9), Uint8Array.of(8, 9)), Uint8Array.of(8, 9));
});
