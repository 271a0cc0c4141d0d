import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../../src/wire/address.ts";
import { checksum, onesComplementSum, pseudoHeaderSum } from "../../src/wire/ip.ts";
import { concat, fromHex } from "../../src/wire/octets.ts";
import { octets } from "./arbitraries.ts";
import { forAll } from "./property.ts";

/** RFC 1071 §1 says it shortest in arithmetic: the sum of the words modulo 2^16 - 1, where a sum of nothing but zeros is 0. */
function byArithmetic(value: Uint8Array): number {
  const padded = concat(value, new Uint8Array(value.length % 2));
  let sum = 0n;
  for (let at = 0; at < padded.length; at += 2) sum += BigInt(padded[at]! * 256 + padded[at + 1]!);
  return sum === 0n ? 0 : Number(((sum - 1n) % 0xffffn) + 1n);
}

describe("Internet checksum", () => {
  it("is that of RFC 1071 §3's example", () => {
    assert.equal(onesComplementSum(fromHex("0001 f203 f4f5 f6f7")), 0xddf2);
    assert.equal(checksum(fromHex("0001 f203 f4f5 f6f7")), 0x220d);
  });

  it("is 0 over a header that is right, and fills the field of one that is not", () => {
    const header = fromHex("45000073000040004011b861c0a80001c0a800c7");
    assert.equal(checksum(header), 0);
    header.set([0, 0], 10);
    assert.equal(checksum(header), 0xb861);
  });

  it("agrees with arithmetic modulo 2^16 - 1, whatever the length", () => {
    forAll(octets(0, 200), (value) => assert.equal(onesComplementSum(value), byArithmetic(value)));
  });

  it("does not overflow on the longest packet of ones", () => {
    assert.equal(onesComplementSum(new Uint8Array(65536).fill(0xff), 0xffffffff), 0xffff);
  });

  it("can be taken part by part through `initial`", () => {
    forAll(fc.tuple(octets(0, 60), octets(0, 60)), ([first, second]) => {
      const even = first.subarray(0, first.length & ~1);
      assert.equal(checksum(second, onesComplementSum(even)), checksum(concat(even, second)));
    });
  });
});

describe("pseudoHeaderSum", () => {
  it("is the sum over addresses, protocol and length of both versions", () => {
    // A DNS query as dissected in many a textbook: 10.0.0.1 to 10.0.0.2, UDP, 9 octets, one octet of data.
    const datagram = fromHex("0400 0035 0009 0000 61");
    const expected = byArithmetic(concat(fromHex("0a000001 0a000002 0011 0009"), datagram));
    assert.equal(checksum(datagram, pseudoHeaderSum(parseAddress("10.0.0.1"), parseAddress("10.0.0.2"), 17, 9)), ~expected & 0xffff);
    const pseudo6 = fromHex("fd000000000000000000000000000001 fd000000000000000000000000000002 00000009 00000011");
    const expected6 = byArithmetic(concat(pseudo6, datagram));
    assert.equal(checksum(datagram, pseudoHeaderSum(parseAddress("fd00::1"), parseAddress("fd00::2"), 17, 9)), ~expected6 & 0xffff);
  });
});
