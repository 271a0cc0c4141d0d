import assert from "node:assert/strict";
import { test } from "node:test";
import { isAllZero, leftPad, plainOctets, wipe } from "../../src/crypto/octets.ts";
import { fromHex } from "../../src/wire/octets.ts";

test("a Buffer becomes a Uint8Array over the same memory", () => {
  const buffer = Buffer.from([1, 2, 3]);
  const octets = plainOctets(buffer);
  assert.equal(Object.getPrototypeOf(octets), Uint8Array.prototype);
  buffer[0] = 9;
  assert.deepEqual(octets, fromHex("090203"));
});

test("padding goes before, and what is too long is refused", () => {
  assert.deepEqual(leftPad(fromHex("0102"), 4), fromHex("00000102"));
  const exact = fromHex("0102");
  assert.equal(leftPad(exact, 2), exact);
  assert.throws(() => leftPad(exact, 1), RangeError);
});

test("wiping overwrites every secret it is given", () => {
  const secrets = [fromHex("ff00ff"), fromHex("01")];
  wipe(...secrets);
  assert.deepEqual(secrets, [new Uint8Array(3), new Uint8Array(1)]);
});

test("all zeros are told from one bit anywhere", () => {
  assert.equal(isAllZero(new Uint8Array(32)), true);
  assert.equal(isAllZero(new Uint8Array(0)), true);
  for (let bit = 0; bit < 256; bit++) {
    const octets = new Uint8Array(32);
    octets[bit >> 3] = 1 << (bit & 7);
    assert.equal(isAllZero(octets), false, `bit ${bit}`);
  }
});
