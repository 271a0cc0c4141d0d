import assert from "node:assert/strict";
import { test } from "node:test";
import { sha1 } from "../../src/crypto/hash.ts";
import { detectNat, natDetectionNotifies } from "../../src/ike/nat-detection.ts";
import { ikeSpi } from "../../src/wire/ike-header.ts";
import { fromHex } from "../../src/wire/octets.ts";

const [spiI, spiR] = [ikeSpi(0x1111111111111111n), ikeSpi(0x2222222222222222n)];
const left = { address: "192.0.2.1", port: 500 };
const right = { address: "2001:db8::2", port: 4500 };

test("the hash is over SPIs, address and port in network order", () => {
  const [source, destination] = natDetectionNotifies(spiI, spiR, left, right, undefined);
  assert.deepEqual(source?.data, sha1(fromHex("1111111111111111 2222222222222222 c0000201 01f4")));
  assert.deepEqual(destination?.data, sha1(fromHex("1111111111111111 2222222222222222 20010db8000000000000000000000002 1194")));
});

test("no NAT: both hashes match", () => {
  const sent = natDetectionNotifies(spiI, spiR, left, right, undefined);
  assert.deepEqual(detectNat(sent, spiI, spiR, right, left), { supported: true, here: false, there: false });
});

test("a NAT before the sender changes its address, one before the receiver the other", () => {
  const sent = natDetectionNotifies(spiI, spiR, left, right, undefined);
  const translated = { address: "203.0.113.9", port: 62000 };
  assert.deepEqual(detectNat(sent, spiI, spiR, right, translated), { supported: true, here: false, there: true });
  assert.deepEqual(detectNat(sent, spiI, spiR, { ...right, port: 500 }, left), { supported: true, here: true, there: false });
});

test("a sender that pretends is taken to be behind a NAT, its peer is not", () => {
  const sent = natDetectionNotifies(spiI, spiR, left, right, new Uint8Array(20));
  assert.deepEqual(detectNat(sent, spiI, spiR, right, left), { supported: true, here: false, there: true });
});

test("one of several source hashes suffices; without notifies the peer knows no NAT traversal", () => {
  const [source, destination] = natDetectionNotifies(spiI, spiR, left, right, undefined);
  assert.ok(source !== undefined && destination !== undefined);
  const several = [{ ...source, data: new Uint8Array(20) }, source, destination];
  assert.equal(detectNat(several, spiI, spiR, right, left).there, false);
  assert.deepEqual(detectNat([], spiI, spiR, right, left), { supported: false, here: false, there: false });
});
