import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type fc from "fast-check";
import { PayloadType } from "../../src/wire/iana/index.ts";
import { fromHex, toHex } from "../../src/wire/octets.ts";
import { decodePayload, encodePayloadBody, findPayload, payloadTypeOf, type Payload } from "../../src/wire/payload.ts";
import { payloadByType, skfPayload, skPayload } from "./arbitraries.ts";
import { acceptsOrRefuses, assertMalformed } from "./malformed.ts";
import { forAll } from "./property.ts";

const decode = (payloadType: number, body: string): Payload =>
  decodePayload({ payloadType, critical: false, nextPayload: 0, body: fromHex(body) });

/** fast-check makes records without a prototype; this gives them one, so that they compare. */
const plain = (value: Payload): unknown => structuredClone(value);

describe("every payload", () => {
  const arbitraries: Record<string, fc.Arbitrary<Payload>> = { ...payloadByType, SK: skPayload, SKF: skfPayload };
  for (const [type, arbitrary] of Object.entries(arbitraries)) {
    it(`${type} survives a round trip`, () => {
      forAll(arbitrary, (payload) => {
        const decoded = decodePayload({
          payloadType: payloadTypeOf(payload),
          critical: payload.type === "UNKNOWN" && payload.critical,
          nextPayload: payload.type === "SK" || payload.type === "SKF" ? payload.firstInner : 0,
          body: encodePayloadBody(payload),
        });
        assert.deepEqual(plain(decoded), plain(payload));
      });
    });

    it(`${type} cut at any octet is refused or read as something shorter`, () => {
      forAll(arbitrary, (payload) => {
        const body = encodePayloadBody(payload);
        for (let length = 0; length < body.length; length++) {
          acceptsOrRefuses(() =>
            decodePayload({ payloadType: payloadTypeOf(payload), critical: false, nextPayload: 0, body: body.slice(0, length) }),
          );
        }
      });
    });
  }

  it("with an empty body is refused where fields are missing, and accepted where none are", () => {
    const accepted = PayloadType.entries()
      .filter(([, payloadType]) => acceptsOrRefuses(() => decode(payloadType, "")))
      .map(([name]) => name);
    assert.deepEqual(accepted, ["NONE", "VENDOR", "SK", "EAP", "GSPM", "IDg", "GSA", "KD", "PS"]);
  });
});

/** Bodies drawn by hand from the diagrams of RFC 7296 §3; RESERVED octets are zero, as a sender must write them. */
const EXAMPLES: readonly (readonly [section: string, payload: Payload, body: string])[] = [
  ["§3.4", { type: "KE", method: 31, data: fromHex("aabbcc") }, "001f 0000 aabbcc"],
  ["§3.5", { type: "IDi", idType: 2, data: fromHex("6c656674") }, "02 000000 6c656674"],
  ["§3.5", { type: "IDr", idType: 1, data: fromHex("c0000201") }, "01 000000 c0000201"],
  ["§3.6", { type: "CERT", encoding: 4, data: fromHex("3082") }, "04 3082"],
  [
    "§3.7",
    { type: "CERTREQ", encoding: 4, data: fromHex("00112233445566778899aabbccddeeff00112233") },
    "04 00112233445566778899aabbccddeeff00112233",
  ],
  ["§3.8", { type: "AUTH", method: 2, data: fromHex("0102") }, "02 000000 0102"],
  ["§3.9", { type: "NONCE", data: fromHex("00112233445566778899aabbccddeeff") }, "00112233445566778899aabbccddeeff"],
  ["§3.10", { type: "NOTIFY", protocolId: 3, spi: fromHex("c1a0ffee"), notifyType: 16393, data: new Uint8Array(0) }, "03 04 4009 c1a0ffee"],
  ["§3.10", { type: "NOTIFY", protocolId: 0, spi: new Uint8Array(0), notifyType: 17, data: fromHex("0013") }, "00 00 0011 0013"],
  [
    "§3.11",
    { type: "DELETE", protocolId: 3, spiSize: 4, spis: [fromHex("c1a0ffee"), fromHex("c1a0ffef")] },
    "03 04 0002 c1a0ffee c1a0ffef",
  ],
  ["§3.11", { type: "DELETE", protocolId: 1, spiSize: 0, spis: [] }, "01 00 0000"],
  ["§3.12", { type: "VENDOR", data: fromHex("686177736572") }, "686177736572"],
  [
    "§3.13",
    {
      type: "TSi",
      selectors: [
        { family: 4, protocol: 6, startPort: 80, endPort: 80, start: 0x0a000000n, end: 0x0a0000ffn },
        { family: 6, protocol: 0, startPort: 0, endPort: 65535, start: 0xfdn << 120n, end: (0xfdn << 120n) + 0xffn },
      ],
    },
    `02 000000
     07 06 0010 0050 0050 0a000000 0a0000ff
     08 00 0028 0000 ffff fd000000000000000000000000000000 fd0000000000000000000000000000ff`,
  ],
  [
    "§3.15",
    {
      type: "CP",
      configType: 1,
      attributes: [
        { type: 1, value: new Uint8Array(0) },
        { type: 3, value: fromHex("c0000235") },
      ],
    },
    "01 000000 0001 0000 0003 0004 c0000235",
  ],
  ["§3.16", { type: "EAP", data: fromHex("0101000501") }, "0101000501"],
];

describe("payload bodies", () => {
  for (const [section, payload, body] of EXAMPLES) {
    it(`${payload.type} is laid out as RFC 7296 ${section} draws it: ${body.slice(0, 24)}…`, () => {
      assert.equal(toHex(encodePayloadBody(payload)), toHex(fromHex(body)));
      assert.deepEqual(decode(payloadTypeOf(payload), body), payload);
    });
  }

  it("ignores RESERVED octets that a peer filled (§3)", () => {
    assert.deepEqual(decode(PayloadType.KE, "001f ffff aa"), { type: "KE", method: 31, data: fromHex("aa") });
    assert.deepEqual(decode(PayloadType.AUTH, "02 ffffff 01"), { type: "AUTH", method: 2, data: fromHex("01") });
    // §3.15.1: the high bit of an attribute's type is reserved too.
    assert.deepEqual(decode(PayloadType.CP, "01 ffffff 8001 0000"), {
      type: "CP",
      configType: 1,
      attributes: [{ type: 1, value: new Uint8Array(0) }],
    });
  });
});

describe("findPayload", () => {
  it("finds the first of a type", () => {
    const first: Payload = { type: "VENDOR", data: fromHex("01") };
    const payloads: Payload[] = [{ type: "IDr", idType: 2, data: fromHex("02") }, first, { type: "VENDOR", data: fromHex("03") }];
    assert.equal(findPayload(payloads, "VENDOR"), first);
    assert.equal(findPayload(payloads, "IDr")?.idType, 2);
    assert.equal(findPayload(payloads, "IDi"), undefined);
  });
});

describe("Nonce", () => {
  it("has 16 to 256 octets (§3.9)", () => {
    const nonce = (length: number) => (): unknown => decode(PayloadType.NONCE, "00".repeat(length));
    assertMalformed(nonce(15), "bad-nonce-length");
    assertMalformed(nonce(257), "bad-nonce-length");
    assert.ok(acceptsOrRefuses(nonce(16)) && acceptsOrRefuses(nonce(256)));
  });
});

describe("Delete", () => {
  it("has SPIs of the size that its protocol asks for, as many as announced (§3.11)", () => {
    assertMalformed(() => decode(PayloadType.DELETE, "03 08 0001 0011223344556677"), "bad-spi-size");
    assertMalformed(() => decode(PayloadType.DELETE, "01 08 0001 0011223344556677"), "bad-spi-size");
    assertMalformed(() => decode(PayloadType.DELETE, "01 00 ffff"), "bad-count");
    assertMalformed(() => decode(PayloadType.DELETE, "c8 00 0001"), "bad-count");
    assertMalformed(() => decode(PayloadType.DELETE, "03 04 0002 c1a0ffee"), "truncated");
    assertMalformed(() => decode(PayloadType.DELETE, "03 04 ffff c1a0ffee"), "truncated");
    assertMalformed(() => decode(PayloadType.DELETE, "03 04 0001 c1a0ffee 00"), "trailing-octets");
  });

  it("cannot be made with SPIs of two sizes", () => {
    assert.throws(() => encodePayloadBody({ type: "DELETE", protocolId: 3, spiSize: 4, spis: [new Uint8Array(8)] }), RangeError);
  });
});

describe("Notify", () => {
  it("is refused when its SPI reaches past the payload", () => {
    assertMalformed(() => decode(PayloadType.NOTIFY, "03 05 4009 c1a0ffee"), "truncated");
  });
});

describe("Traffic Selectors", () => {
  const TCP = "07 06 0010 0050 0050 0a000000 0a0000ff";

  it("skips a selector of unknown type and counts it (§2.9)", () => {
    const payload = decode(PayloadType.TSr, `03 000000 ${TCP} 0a 00 0008 deadbeef ${TCP}`);
    assert.ok(payload.type === "TSr");
    assert.equal(payload.selectors.length, 2);
    assert.equal(payload.skipped, 1);
  });

  it("keeps OPAQUE ports, the only range that ends before it starts", () => {
    const payload = decode(PayloadType.TSi, "01 000000 07 06 0010 ffff 0000 0a000000 0a0000ff");
    assert.ok(payload.type === "TSi");
    assert.deepEqual([payload.selectors[0]?.startPort, payload.selectors[0]?.endPort], [65535, 0]);
    assertMalformed(() => decode(PayloadType.TSi, "01 000000 07 06 0010 0051 0050 0a000000 0a0000ff"), "bad-selector");
    assertMalformed(() => decode(PayloadType.TSi, "01 000000 07 06 0010 0050 0050 0a000100 0a0000ff"), "bad-selector");
  });

  it("is refused when a count or a length lies", () => {
    assertMalformed(() => decode(PayloadType.TSi, "00 000000"), "bad-count");
    assertMalformed(() => decode(PayloadType.TSi, `02 000000 ${TCP}`), "truncated");
    assertMalformed(() => decode(PayloadType.TSi, `01 000000 ${TCP} ${TCP}`), "trailing-octets");
    assertMalformed(() => decode(PayloadType.TSi, "01 000000 07 06 0003 0050 0050 0a000000 0a0000ff"), "bad-length");
    // The length of an IPv4 selector with the type of an IPv6 one, and the other way round.
    assertMalformed(() => decode(PayloadType.TSi, "01 000000 08 06 0010 0050 0050 0a000000 0a0000ff"), "truncated");
    assertMalformed(() => decode(PayloadType.TSi, `01 000000 07 00 0028 0000 ffff ${"00".repeat(32)}`), "trailing-octets");
  });
});

describe("Encrypted Fragment", () => {
  it("is laid out as RFC 7383 §2.5 draws it", () => {
    const raw = { payloadType: PayloadType.SKF, critical: false, nextPayload: 35, body: fromHex("0001 0003 aabb") };
    assert.deepEqual(decodePayload(raw), { type: "SKF", firstInner: 35, fragmentNumber: 1, totalFragments: 3, body: fromHex("aabb") });
  });

  it("is refused outside of its series, and when a later fragment names a first payload", () => {
    const fragment = (fields: string, nextPayload: number) => (): unknown =>
      decodePayload({ payloadType: PayloadType.SKF, critical: false, nextPayload, body: fromHex(fields) });
    assertMalformed(fragment("0000 0003 aa", 0), "bad-fragment");
    assertMalformed(fragment("0004 0003 aa", 0), "bad-fragment");
    assertMalformed(fragment("0001 0000 aa", 0), "bad-fragment");
    assertMalformed(fragment("0002 0003 aa", 35), "bad-fragment");
    assertMalformed(fragment("0001 00", 0), "truncated");
    assert.ok(acceptsOrRefuses(fragment("0002 0003 aa", 0)));
  });
});
