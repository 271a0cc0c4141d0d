import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  decodeIkeHeader,
  encodeIkeHeader,
  formatIkeSpi,
  ikeSpi,
  ikeSpiFromOctets,
  ikeSpiOctets,
  NO_IKE_SPI,
  type IkeHeader,
} from "../../src/wire/ike-header.ts";
import { fromHex, toHex } from "../../src/wire/octets.ts";
import { u32, u64, u8 } from "./arbitraries.ts";
import { assertMalformed } from "./malformed.ts";
import { forAll } from "./property.ts";

/** The diagram of RFC 7296 §3.1, line by line. */
const IKE_AUTH_RESPONSE = fromHex(`
  8899aabbccddeeff
  0011223344556677
  2e 20 23 20
  00000001
  000000e4`);

describe("IKE header", () => {
  it("reads the fields where RFC 7296 §3.1 draws them", () => {
    assert.deepEqual(decodeIkeHeader(IKE_AUTH_RESPONSE), {
      initiatorSpi: 0x8899aabbccddeeffn,
      responderSpi: 0x0011223344556677n,
      nextPayload: 46,
      majorVersion: 2,
      minorVersion: 0,
      exchangeType: 35,
      isInitiator: false,
      isResponse: true,
      higherVersion: false,
      messageId: 1,
      length: 228,
    });
  });

  it("tells the three flags apart and ignores the reserved ones", () => {
    const flagsOf = (flags: number): boolean[] => {
      const octets = Uint8Array.from(IKE_AUTH_RESPONSE);
      octets[19] = flags;
      const { isInitiator, higherVersion, isResponse } = decodeIkeHeader(octets);
      return [isInitiator, higherVersion, isResponse];
    };
    assert.deepEqual(flagsOf(0x08), [true, false, false]);
    assert.deepEqual(flagsOf(0x10), [false, true, false]);
    assert.deepEqual(flagsOf(0x20), [false, false, true]);
    assert.deepEqual(flagsOf(0xc7), [false, false, false]);
  });

  it("reads a version that is not ours, so that it can be answered", () => {
    const octets = Uint8Array.from(IKE_AUTH_RESPONSE);
    octets[17] = 0x31;
    const { majorVersion, minorVersion } = decodeIkeHeader(octets);
    assert.deepEqual([majorVersion, minorVersion], [3, 1]);
  });

  it("survives a round trip", () => {
    const nibble = fc.integer({ min: 0, max: 15 });
    const header: fc.Arbitrary<IkeHeader> = fc.record({
      initiatorSpi: u64.map(ikeSpi),
      responderSpi: u64.map(ikeSpi),
      nextPayload: u8,
      exchangeType: u8,
      isInitiator: fc.boolean(),
      isResponse: fc.boolean(),
      majorVersion: nibble,
      minorVersion: nibble,
      higherVersion: fc.boolean(),
      messageId: u32,
      length: u32,
    });
    forAll(header, (value) => {
      const octets = encodeIkeHeader(value);
      assert.equal(octets.length, 28);
      assert.deepEqual(decodeIkeHeader(octets), { ...value });
    });
  });

  it("is refused when any octet is missing", () => {
    for (let length = 0; length < 28; length++) assertMalformed(() => decodeIkeHeader(IKE_AUTH_RESPONSE.subarray(0, length)), "truncated");
  });
});

describe("IkeSpi", () => {
  it("is sixteen digits in text and eight octets on the wire", () => {
    assert.equal(formatIkeSpi(ikeSpi(0xabcn)), "0000000000000abc");
    assert.equal(toHex(ikeSpiOctets(ikeSpi(0xabcn))), "0000000000000abc");
    assert.equal(formatIkeSpi(NO_IKE_SPI), "0000000000000000");
    forAll(u64.map(ikeSpi), (spi) => assert.equal(ikeSpiFromOctets(ikeSpiOctets(spi)), spi));
  });

  it("comes from eight octets and no other number", () => {
    assertMalformed(() => ikeSpiFromOctets(new Uint8Array(7)), "truncated");
    assertMalformed(() => ikeSpiFromOctets(new Uint8Array(9)), "trailing-octets");
  });
});
