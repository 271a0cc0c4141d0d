import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ExchangeType, PayloadType } from "../../src/wire/iana/index.ts";
import { ikeSpi, NO_IKE_SPI } from "../../src/wire/ike-header.ts";
import {
  decodeMessage,
  decodePayloadChain,
  encodeMessage,
  encodePayloadChain,
  encodeProtected,
  encodeWithSk,
  encodeWithSkf,
  type BodySealer,
  type MessageHeader,
} from "../../src/wire/message.ts";
import { concat, fromHex, toHex } from "../../src/wire/octets.ts";
import type { Payload } from "../../src/wire/payload.ts";
import { messageHeader, octets, payloads, skfPayload, skPayload } from "./arbitraries.ts";
import { assertMalformed } from "./malformed.ts";
import { forAll } from "./property.ts";

const HEADER: MessageHeader = {
  initiatorSpi: ikeSpi(0x8899aabbccddeeffn),
  responderSpi: ikeSpi(0x0011223344556677n),
  exchangeType: ExchangeType.INFORMATIONAL,
  isInitiator: true,
  isResponse: false,
  messageId: 2,
};

describe("IKE message", () => {
  it("is header and chain, each length counted (RFC 7296 §3.1)", () => {
    const message = encodeMessage({ ...HEADER, exchangeType: ExchangeType.IKE_SA_INIT, responderSpi: NO_IKE_SPI, messageId: 0 }, [
      { type: "NOTIFY", protocolId: 0, spi: new Uint8Array(0), notifyType: 16390, data: fromHex("c00c1e") },
    ]);
    assert.equal(toHex(message), "8899aabbccddeeff" + "0000000000000000" + "29202208" + "00000000" + "00000027" + "0000000b00004006c00c1e");
  });

  it("survives a round trip", () => {
    const last = fc.option(fc.oneof<fc.Arbitrary<Payload>[]>(skPayload, skfPayload), { nil: undefined });
    forAll(fc.tuple(messageHeader, payloads, last), ([header, clear, encrypted]) => {
      const message = encodeMessage(header, encrypted === undefined ? clear : [...clear, encrypted]);
      const decoded = decodeMessage(message);
      assert.equal(decoded.header.length, message.length);
      assert.equal(toHex(encodeMessage(decoded.header, decoded.payloads)), toHex(message));
    });
  });

  it("is refused unless the header's length is the datagram's", () => {
    const message = encodeMessage(HEADER, []);
    assertMalformed(() => decodeMessage(concat(message, Uint8Array.of(0))), "bad-length");
    assertMalformed(() => decodeMessage(message.subarray(0, 27)), "truncated");
    for (const lie of [0, 27, 29, 0xffffffff]) {
      const lying = Uint8Array.from(message);
      new DataView(lying.buffer).setUint32(24, lie);
      assertMalformed(() => decodeMessage(lying), "bad-length");
    }
  });

  it("of another major version is refused by name; a higher minor version is read (RFC 7296 §2.5)", () => {
    assertMalformed(() => decodeMessage(encodeMessage({ ...HEADER, majorVersion: 1 }, [])), "bad-version");
    assertMalformed(() => decodeMessage(encodeMessage({ ...HEADER, majorVersion: 3 }, [])), "bad-version");
    assert.equal(decodeMessage(encodeMessage({ ...HEADER, minorVersion: 7 }, [])).header.minorVersion, 7);
  });

  it("reports an unknown critical payload of the clear chain", () => {
    const unknown: Payload = { type: "UNKNOWN", payloadType: 200, critical: true, body: new Uint8Array(0) };
    assert.equal(decodeMessage(encodeMessage(HEADER, [unknown])).unsupportedCritical, 200);
    assert.equal(decodeMessage(encodeMessage(HEADER, [{ ...unknown, critical: false }])).unsupportedCritical, undefined);
  });

  it("without an Encrypted payload has no aad", () => {
    assert.equal(decodeMessage(encodeMessage(HEADER, [])).aad, undefined);
  });
});

describe("protected messages", () => {
  /** Not a cipher: it makes visible which octets it was given. */
  const sealer: BodySealer = {
    bodyLength: (plaintextLength) => plaintextLength + 3,
    seal: (aad, plaintext) => concat(Uint8Array.of(aad.length), plaintext, fromHex("1c1c")),
  };

  it("the aad ends with the generic header of SK (RFC 5282 §5.1)", () => {
    const aad = encodeWithSk(HEADER, PayloadType.DELETE, 10);
    assert.equal(toHex(aad), "8899aabbccddeeff" + "0011223344556677" + "2e202508" + "00000002" + "0000002a" + "2a00000e");
  });

  it("the aad includes payloads in the clear before SK", () => {
    const clear: Payload = { type: "VENDOR", data: fromHex("aa") };
    const aad = encodeWithSk(HEADER, 0, 4, [clear]);
    assert.equal(toHex(aad.subarray(28)), "2e000005aa" + "00000008");
    assert.deepEqual(decodeMessage(concat(aad, fromHex("01020304"))).aad, aad);
  });

  it("the aad of a fragment ends with its numbers, and only fragment 1 names the first payload (RFC 7383 §2.5)", () => {
    const of = (fragmentNumber: number): string =>
      toHex(encodeWithSkf(HEADER, PayloadType.IDi, { fragmentNumber, totalFragments: 2 }, 5).subarray(16));
    assert.equal(of(1), "35202508" + "00000002" + "00000029" + "2300000d" + "00010002");
    assert.equal(of(2), "35202508" + "00000002" + "00000029" + "0000000d" + "00020002");
  });

  it("what the sender authenticates is what the receiver authenticates", () => {
    forAll(fc.tuple(messageHeader, payloads, octets(0, 40)), ([header, clear, body]) => {
      const aad = encodeWithSk(header, 35, body.length, clear);
      const decoded = decodeMessage(concat(aad, body));
      const sk = decoded.payloads.at(-1);
      assert.ok(sk?.type === "SK");
      assert.equal(sk.firstInner, 35);
      assert.equal(toHex(sk.body), toHex(body));
      assert.equal(toHex(decoded.aad ?? new Uint8Array(0)), toHex(aad));
    });
    forAll(fc.tuple(messageHeader, skfPayload), ([header, fragment]) => {
      const aad = encodeWithSkf(header, fragment.firstInner, fragment, fragment.body.length);
      const decoded = decodeMessage(concat(aad, fragment.body));
      assert.deepEqual(structuredClone(decoded.payloads), [structuredClone(fragment)]);
      assert.equal(toHex(decoded.aad ?? new Uint8Array(0)), toHex(aad));
    });
  });

  it("encodeProtected hands the sealer the final aad and the inner chain", () => {
    const inner: Payload[] = [{ type: "DELETE", protocolId: 3, spiSize: 4, spis: [fromHex("c1a0ffee")] }];
    const decoded = decodeMessage(encodeProtected(HEADER, encodePayloadChain(inner), sealer));
    const sk = decoded.payloads.at(-1);
    assert.ok(sk?.type === "SK");
    assert.equal(sk.body[0], 32, "the sealer saw an aad of header and generic header");
    const plaintext = sk.body.subarray(1, -2);
    assert.equal(toHex(plaintext), toHex(encodePayloadChain(inner).octets));
    assert.deepEqual(decodePayloadChain(sk.firstInner, plaintext).payloads, inner);
  });

  it("an empty protected message is a liveness check", () => {
    const decoded = decodeMessage(encodeProtected(HEADER, encodePayloadChain([]), sealer));
    assert.deepEqual(decoded.payloads, [{ type: "SK", firstInner: 0, body: fromHex("201c1c") }]);
  });

  it("a sealer that breaks its promise is caught before the message leaves", () => {
    const liar: BodySealer = { bodyLength: (length) => length + 4, seal: sealer.seal };
    assert.throws(() => encodeProtected(HEADER, encodePayloadChain([]), liar), /promised 4 octets and gave 3/);
  });
});
