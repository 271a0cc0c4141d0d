import assert from "node:assert/strict";
import { test } from "node:test";
import { sha1, sha256 } from "../../src/crypto/hash.ts";
import { toHex } from "../../src/wire/octets.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

test('SHA-1 and SHA-256 of "abc" (FIPS 180-4 examples), whole and in chunks', () => {
  assert.equal(toHex(sha1(ascii("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  assert.equal(toHex(sha256(ascii("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.deepEqual(sha1(ascii("a"), ascii(""), ascii("bc")), sha1(ascii("abc")));
});

test("hashes are plain Uint8Arrays, comparable with decoded ones", () => {
  assert.equal(Object.getPrototypeOf(sha1()), Uint8Array.prototype);
});
