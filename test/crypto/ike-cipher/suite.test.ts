import assert from "node:assert/strict";
import { test } from "node:test";
import { padLength, trailer, withoutPadding } from "../../../src/crypto/ike-cipher/suite.ts";
import { fromHex, toHex } from "../../../src/wire/octets.ts";

test("the least padding that fills the block, the Pad Length octet counted in", () => {
  assert.deepEqual(
    [0, 1, 14, 15, 16, 31].map((length) => padLength(length, 16)),
    [15, 14, 1, 0, 15, 0],
  );
  assert.deepEqual(
    [0, 1, 15, 100].map((length) => padLength(length, 1)),
    [0, 0, 0, 0],
  );
  assert.equal(toHex(trailer(12, 16)), "00000003");
  assert.equal(toHex(trailer(12, 1)), "00");
});

test("padding of any length and content is taken off (RFC 7296 §3.14)", () => {
  assert.equal(toHex(withoutPadding(fromHex("010200"))!), "0102");
  assert.equal(toHex(withoutPadding(fromHex("0102deadbeef04"))!), "0102");
  assert.equal(toHex(withoutPadding(fromHex("00"))!), "");
  assert.equal(toHex(withoutPadding(new Uint8Array(256).fill(255))!), "");
});

test("a Pad Length that reaches before the start is refused, and so is its absence", () => {
  assert.equal(withoutPadding(fromHex("010203")), undefined);
  assert.equal(withoutPadding(fromHex("01")), undefined);
  assert.equal(withoutPadding(new Uint8Array(255).fill(255)), undefined);
  assert.equal(withoutPadding(new Uint8Array(0)), undefined);
});
