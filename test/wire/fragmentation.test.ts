import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeFragments } from "../../src/wire/fragmentation.ts";
import { ExchangeType, PayloadType } from "../../src/wire/iana/index.ts";
import { ikeSpi } from "../../src/wire/ike-header.ts";
import { decodeMessage, type BodySealer, type MessageHeader } from "../../src/wire/message.ts";
import { concat } from "../../src/wire/octets.ts";
import type { SkfPayload } from "../../src/wire/payload.ts";
import { forAll } from "./property.ts";

const HEADER: MessageHeader = {
  initiatorSpi: ikeSpi(1n),
  responderSpi: ikeSpi(2n),
  exchangeType: ExchangeType.IKE_AUTH,
  isInitiator: true,
  isResponse: false,
  messageId: 1,
};

/** A cipher that does nothing, with an IV and an ICV of 8 octets each, and padding to blocks. */
const sealerOf = (block: number): BodySealer => {
  const padded = (length: number): number => Math.ceil((length + 1) / block) * block;
  return {
    bodyLength: (length) => 8 + padded(length) + 8,
    seal: (_aad, plaintext) => {
      const body = new Uint8Array(8 + padded(plaintext.length) + 8);
      body.set(plaintext, 8);
      return body;
    },
  };
};

function fragmentsOf(
  innerLength: number,
  maxLength: number,
  block: number,
): { octets: Uint8Array[]; skf: SkfPayload[]; inner: Uint8Array } {
  const inner = Uint8Array.from({ length: innerLength }, (_, index) => index & 0xff);
  const octets = encodeFragments(HEADER, { first: PayloadType.IDi, octets: inner }, maxLength, sealerOf(block));
  const skf = octets.map((datagram) => {
    const last = decodeMessage(datagram).payloads.at(-1);
    assert.ok(last?.type === "SKF");
    return last;
  });
  return { octets, skf, inner };
}

describe("fragments (RFC 7383 §2.5)", () => {
  it("are numbered from 1, and the first alone names the first payload", () => {
    const { skf } = fragmentsOf(2500, 1000, 1);
    assert.deepEqual(
      skf.map(({ fragmentNumber, totalFragments, firstInner }) => [fragmentNumber, totalFragments, firstInner]),
      [
        [1, 3, PayloadType.IDi],
        [2, 3, 0],
        [3, 3, 0],
      ],
    );
  });

  it("carry the payloads completely, and are as long as allowed and no longer", () => {
    const drawn = fc.record({
      length: fc.integer({ min: 1, max: 5000 }),
      maxLength: fc.integer({ min: 120, max: 1400 }),
      block: fc.constantFrom(1, 16),
    });
    forAll(drawn, ({ length, maxLength, block }) => {
      const { octets, skf, inner } = fragmentsOf(length, maxLength, block);
      assert.ok(octets.every((datagram) => datagram.length <= maxLength));
      assert.ok(
        octets.slice(0, -1).every((datagram) => maxLength - datagram.length < block),
        "there is no room for a block more",
      );
      // All but the last are full, which tells plaintext from padding.
      const bodies = skf.map(({ body }) => body.subarray(8, body.length - 8));
      const share = (bodies[0]?.length ?? 0) - 1;
      const parts = bodies.map((body, index) => body.subarray(0, Math.min(share, length - index * share)));
      assert.deepEqual(concat(...parts), inner);
    });
  });

  it("must have room for something", () => {
    assert.throws(() => fragmentsOf(10, 36 + 16, 1), RangeError);
  });
});
