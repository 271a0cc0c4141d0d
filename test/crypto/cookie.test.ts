import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCookie } from "../../src/crypto/cookie.ts";
import { fromHex, toHex } from "../../src/wire/octets.ts";

const SECRET = new Uint8Array(32).fill(0x5a);
const NONCE = new Uint8Array(32).fill(1);
const IP4 = fromHex("c0000201");
const SPI = fromHex("1122334455667788");

test("a cookie is the secret's version and an HMAC: 33 octets of the 64 that are allowed", () => {
  const cookie = makeCookie(SECRET, 7, NONCE, IP4, SPI);
  assert.equal(cookie.length, 33);
  assert.equal(cookie[0], 7);
  // python3 -c 'import hmac;print(hmac.new(b"\x5a"*32,bytes.fromhex("07002004"+"01"*32+"c00002011122334455667788"),"sha256").hexdigest())'
  assert.equal(toHex(cookie.subarray(1)), "1a3ff5c806f7531653e73f430a381f129f013cb94c860216af23032dfd28220b");
});

test("a cookie is good for one secret, version, nonce, address and SPI alone", () => {
  const cookies = [
    makeCookie(SECRET, 7, NONCE, IP4, SPI),
    makeCookie(new Uint8Array(32), 7, NONCE, IP4, SPI),
    makeCookie(SECRET, 8, NONCE, IP4, SPI),
    makeCookie(SECRET, 7, NONCE.subarray(1), IP4, SPI),
    makeCookie(SECRET, 7, NONCE, fromHex("c0000202"), SPI),
    makeCookie(SECRET, 7, NONCE, IP4, fromHex("1122334455667789")),
  ];
  assert.equal(new Set(cookies.map((cookie) => toHex(cookie.subarray(1)))).size, cookies.length);
});

test("octets cannot be moved from the nonce to the address", () => {
  const octets = new Uint8Array(36).fill(9);
  const short = makeCookie(SECRET, 1, octets.subarray(0, 20), octets.subarray(20), SPI);
  const long = makeCookie(SECRET, 1, octets.subarray(0, 32), octets.subarray(32), SPI);
  assert.notDeepEqual(short, long);
});
