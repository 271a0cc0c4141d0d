import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PayloadType } from "../../src/wire/iana/index.ts";
import { decodePayloadChain, encodePayloadChain, MAX_PAYLOADS } from "../../src/wire/message.ts";
import { concat, fromHex, toHex } from "../../src/wire/octets.ts";
import type { Payload } from "../../src/wire/payload.ts";
import { payloads } from "./arbitraries.ts";
import { acceptsOrRefuses, assertMalformed } from "./malformed.ts";
import { forAll } from "./property.ts";

const vendor = (text: string): Payload => ({ type: "VENDOR", data: fromHex(text) });

describe("payload chain", () => {
  it("links payloads by the header of the one before (RFC 7296 §3.2)", () => {
    const { first, octets } = encodePayloadChain([vendor("aa"), { type: "EAP", data: fromHex("bbcc") }]);
    assert.equal(first, PayloadType.VENDOR);
    assert.equal(toHex(octets), "30000005aa" + "00000006bbcc");
    assert.deepEqual(decodePayloadChain(first, octets), {
      payloads: [vendor("aa"), { type: "EAP", data: fromHex("bbcc") }],
      unsupportedCritical: undefined,
    });
  });

  it("may be empty, as in a liveness check", () => {
    assert.deepEqual(encodePayloadChain([]), { first: 0, octets: new Uint8Array(0) });
    assert.deepEqual(decodePayloadChain(0, new Uint8Array(0)).payloads, []);
    assertMalformed(() => decodePayloadChain(0, Uint8Array.of(1)), "trailing-octets");
  });

  it("survives a round trip", () => {
    forAll(payloads, (list) => {
      const { first, octets } = encodePayloadChain(list);
      const again = encodePayloadChain(decodePayloadChain(first, octets).payloads);
      assert.equal(again.first, first);
      assert.equal(toHex(again.octets), toHex(octets));
    });
  });

  it("cut at any octet is refused, never misread", () => {
    forAll(payloads, (list) => {
      const { first, octets } = encodePayloadChain(list);
      for (let length = 0; length < octets.length; length++) {
        assert.ok(
          !acceptsOrRefuses(() => decodePayloadChain(first, octets.subarray(0, length))),
          `accepted at ${length} of ${octets.length}`,
        );
      }
    });
  });

  it("is refused when a payload's length is below its header's or past the end", () => {
    for (const length of ["0000", "0001", "0003"]) assertMalformed(() => decodePayloadChain(43, fromHex(`0000${length}`)), "bad-length");
    assertMalformed(() => decodePayloadChain(43, fromHex("00000005")), "truncated");
    assertMalformed(() => decodePayloadChain(43, fromHex("0000ffff aabb")), "truncated");
    assertMalformed(() => decodePayloadChain(43, fromHex("00000005 aabb")), "trailing-octets");
  });

  it("cannot loop: a chain that names a next payload for ever runs out of octets", () => {
    assertMalformed(() => decodePayloadChain(43, fromHex("2b000004 2b000004 2b000004")), "truncated");
  });

  it(`has at most ${MAX_PAYLOADS} payloads`, () => {
    const link = fromHex("2b000004");
    const last = fromHex("00000004");
    const chain = (count: number): Uint8Array =>
      concat(...Array.from({ length: count }, (_, index) => (index === count - 1 ? last : link)));
    assert.equal(decodePayloadChain(43, chain(MAX_PAYLOADS)).payloads.length, MAX_PAYLOADS);
    assertMalformed(() => decodePayloadChain(43, chain(MAX_PAYLOADS + 1)), "too-many-payloads");
  });
});

describe("unknown payloads", () => {
  it("are kept, and the first critical one is reported (RFC 7296 §2.5)", () => {
    const { payloads, unsupportedCritical } = decodePayloadChain(200, fromHex("c9000005aa ca800004 cb800004 00000004"));
    assert.equal(unsupportedCritical, 201);
    assert.deepEqual(
      payloads.map((payload) => (payload.type === "UNKNOWN" ? [payload.payloadType, payload.critical] : payload.type)),
      [
        [200, false],
        [201, true],
        [202, true],
        [203, false],
      ],
    );
  });

  it("the critical bit of a known payload is ignored and sent as zero", () => {
    const { payloads, unsupportedCritical } = decodePayloadChain(43, fromHex("00800005aa"));
    assert.equal(unsupportedCritical, undefined);
    assert.equal(toHex(encodePayloadChain(payloads).octets), "00000005aa");
  });

  it("are what IANA has assigned but Hawser does not implement", () => {
    for (const payloadType of [PayloadType.GSPM, PayloadType.IDg, PayloadType.GSA, PayloadType.KD, PayloadType.PS, 1, 32]) {
      assert.equal(decodePayloadChain(payloadType, fromHex("00800004")).unsupportedCritical, payloadType);
    }
    assert.equal(decodePayloadChain(PayloadType.SKF, fromHex("0080000800010001")).unsupportedCritical, undefined);
  });
});

describe("Encrypted payloads in a chain", () => {
  it("end it: their Next Payload names what is inside", () => {
    const { payloads } = decodePayloadChain(46, fromHex("23000006 aabb"));
    assert.deepEqual(payloads, [{ type: "SK", firstInner: 35, body: fromHex("aabb") }]);
  });

  it("must be last, received or sent", () => {
    assertMalformed(() => decodePayloadChain(46, fromHex("2b000006aabb 00000004")), "encrypted-not-last");
    assertMalformed(() => decodePayloadChain(53, fromHex("00000008 00010001 00000004")), "encrypted-not-last");
    const sk: Payload = { type: "SK", firstInner: 0, body: new Uint8Array(1) };
    assert.throws(() => encodePayloadChain([sk, vendor("aa")]), /SK must be the last payload, but VENDOR follows/);
  });

  it("refuses to send a payload too long for its length field", () => {
    assert.throws(() => encodePayloadChain([{ type: "VENDOR", data: new Uint8Array(65532) }]), RangeError);
  });
});
