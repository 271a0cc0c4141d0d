import assert from "node:assert/strict";
import { test } from "node:test";
import { seededEntropy, systemEntropy } from "../../src/crypto/entropy.ts";
import { concat, toHex } from "../../src/wire/octets.ts";

test("one seed gives one stream, however it is drawn", () => {
  const a = seededEntropy("seed");
  const b = seededEntropy("seed");
  assert.deepEqual(concat(a.bytes(1), a.bytes(15), a.bytes(16), a.bytes(0), a.bytes(33)), b.bytes(65));
});

test("a seeded stream is the same on every machine", () => {
  // The key: python3 -c 'import hashlib;print(hashlib.sha256(b"hawser seeded entropy\x0042").hexdigest())'
  // The stream: head -c 32 /dev/zero | openssl enc -aes-256-ctr -K KEY -iv 00000000000000000000000000000000 | xxd -p
  assert.equal(toHex(seededEntropy(42).bytes(32)), "ff20e9ad30c1284281c97e511118e8083ac12b3ce9c798b5bd68510045af9b3c");
});

test("different seeds give different streams", () => {
  assert.notDeepEqual(seededEntropy(1).bytes(16), seededEntropy(2).bytes(16));
});

test("the system's entropy comes in the length asked for and does not repeat", () => {
  const entropy = systemEntropy();
  assert.equal(entropy.bytes(0).length, 0);
  const draws = Array.from({ length: 100 }, () => entropy.bytes(16));
  assert.equal(new Set(draws.map(toHex)).size, 100);
  assert.equal(draws[0]!.buffer.byteLength, 16, "an array of its own, not a piece of a shared pool");
});
