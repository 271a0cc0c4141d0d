/** Whole messages as an attacker sends them: nothing but MalformedMessage may come out, and no time may go in. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ExchangeType, NotifyType } from "../../src/wire/iana/index.ts";
import { ikeSpi, NO_IKE_SPI } from "../../src/wire/ike-header.ts";
import { decodeMessage, decodePayloadChain, encodeMessage, encodePayloadChain } from "../../src/wire/message.ts";
import { natDetection, notify, setWindowSize, signatureHashAlgorithms } from "../../src/wire/notify.ts";
import { concat } from "../../src/wire/octets.ts";
import type { Payload } from "../../src/wire/payload.ts";
import type { Transform } from "../../src/wire/proposal.ts";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";
import { messageHeader, octets, payloads } from "./arbitraries.ts";
import { acceptsOrRefuses } from "./malformed.ts";
import { forAll } from "./property.ts";

const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

const IKE_TRANSFORMS: Transform[] = [
  { type: 1, id: 20, keyLength: 256 },
  { type: 1, id: 20, keyLength: 128 },
  { type: 2, id: 5 },
  { type: 4, id: 31 },
  { type: 4, id: 19 },
];

/** What an initiator of ours sends first. */
const IKE_SA_INIT_PAYLOADS: Payload[] = [
  { type: "SA", proposals: [{ number: 1, protocolId: 1, spi: new Uint8Array(0), transforms: IKE_TRANSFORMS }] },
  { type: "KE", method: 31, data: filled(32, 0x4b) },
  { type: "NONCE", data: filled(32, 0x4e) },
  natDetection("source", filled(20, 1)),
  natDetection("destination", filled(20, 2)),
  notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED),
  signatureHashAlgorithms([2, 3, 4, 5]),
  { type: "VENDOR", data: filled(16, 0x56) },
];

/** What stands inside an IKE_AUTH request. */
const IKE_AUTH_PAYLOADS: Payload[] = [
  { type: "IDi", idType: 2, data: filled(4, 0x69) },
  { type: "IDr", idType: 2, data: filled(5, 0x72) },
  { type: "CERT", encoding: 4, data: filled(40, 0x30) },
  { type: "CERTREQ", encoding: 4, data: filled(20, 0x31) },
  { type: "AUTH", method: 2, data: filled(32, 0x41) },
  { type: "CP", configType: 1, attributes: [{ type: 1, value: new Uint8Array(0) }] },
  {
    type: "SA",
    proposals: [
      {
        number: 1,
        protocolId: 3,
        spi: filled(4, 0xc1),
        transforms: [
          { type: 1, id: 20, keyLength: 128 },
          { type: 5, id: 1 },
        ],
      },
    ],
  },
  { type: "TSi", selectors: [parsePrefix("10.0.0.0/8[tcp/80]"), parsePrefix("fd00::/8")] },
  { type: "TSr", selectors: [parsePrefix("192.168.0.0/16")] },
  setWindowSize(16),
  { type: "DELETE", protocolId: 3, spiSize: 4, spis: [filled(4, 0xd1), filled(4, 0xd2)] },
  { type: "EAP", data: filled(5, 0x45) },
];

const IKE_SA_INIT = encodeMessage(
  {
    initiatorSpi: ikeSpi(0x0123456789abcdefn),
    responderSpi: NO_IKE_SPI,
    exchangeType: ExchangeType.IKE_SA_INIT,
    isInitiator: true,
    isResponse: false,
    messageId: 0,
  },
  IKE_SA_INIT_PAYLOADS,
);
const IKE_AUTH_INNER = encodePayloadChain(IKE_AUTH_PAYLOADS);

/** The same message whose header tells the truth about its length, so that the cut reaches the decoders behind it. */
function withLength(message: Uint8Array): Uint8Array {
  const honest = Uint8Array.from(message);
  new DataView(honest.buffer).setUint32(24, honest.length);
  return honest;
}

describe("truncation", () => {
  it("the whole IKE_SA_INIT and the whole inner chain are read", () => {
    assert.deepEqual(decodeMessage(IKE_SA_INIT).payloads, IKE_SA_INIT_PAYLOADS);
    assert.deepEqual(decodePayloadChain(IKE_AUTH_INNER.first, IKE_AUTH_INNER.octets).payloads, IKE_AUTH_PAYLOADS);
  });

  it("an IKE_SA_INIT cut at any octet is refused, whether or not its header admits the cut", () => {
    for (let length = 0; length < IKE_SA_INIT.length; length++) {
      const cut = IKE_SA_INIT.subarray(0, length);
      assert.ok(!acceptsOrRefuses(() => decodeMessage(cut)), `accepted ${length} octets`);
      if (length >= 28) assert.ok(!acceptsOrRefuses(() => decodeMessage(withLength(cut))), `accepted ${length} octets with honest length`);
    }
  });

  it("an inner chain cut at any octet is refused", () => {
    for (let length = 0; length < IKE_AUTH_INNER.octets.length; length++) {
      assert.ok(!acceptsOrRefuses(() => decodePayloadChain(IKE_AUTH_INNER.first, IKE_AUTH_INNER.octets.subarray(0, length))));
    }
  });

  it("a chain with octets added at its end is refused", () => {
    assert.ok(!acceptsOrRefuses(() => decodeMessage(withLength(concat(IKE_SA_INIT, Uint8Array.of(0))))));
    assert.ok(!acceptsOrRefuses(() => decodePayloadChain(IKE_AUTH_INNER.first, concat(IKE_AUTH_INNER.octets, Uint8Array.of(0)))));
  });
});

describe("mutation", () => {
  it("telling values of every octet of an IKE_SA_INIT are accepted or refused", () => {
    const message = Uint8Array.from(IKE_SA_INIT);
    let accepted = 0;
    for (let at = 0; at < message.length; at++) {
      const original = message[at]!;
      for (const value of [0, 1, 3, 4, 0x7f, 0x80, 0xff, original ^ 1, original + 1]) {
        message[at] = value;
        if (acceptsOrRefuses(() => decodeMessage(message))) accepted++;
      }
      message[at] = original;
    }
    assert.ok(accepted > 0, "octets of no structure, such as the nonce's, may take any value");
  });

  it("every fifth value of every octet of an inner chain is accepted or refused", () => {
    const chain = Uint8Array.from(IKE_AUTH_INNER.octets);
    for (let at = 0; at < chain.length; at++) {
      const original = chain[at]!;
      for (let value = 0; value < 256; value += 5) {
        chain[at] = value;
        acceptsOrRefuses(() => decodePayloadChain(IKE_AUTH_INNER.first, chain));
      }
      chain[at] = original;
    }
    assert.deepEqual(decodePayloadChain(IKE_AUTH_INNER.first, chain).payloads, IKE_AUTH_PAYLOADS);
  });

  it("random messages with random octets overwritten are accepted or refused; what is accepted can be sent again", () => {
    const overwrites = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
    forAll(fc.tuple(messageHeader, payloads, overwrites), ([header, list, changes]) => {
      const message = encodeMessage(header, list);
      for (const [at, value] of changes) message[at % message.length] = value;
      const honest = withLength(message);
      if (!acceptsOrRefuses(() => decodeMessage(honest))) return;
      const { header: decodedHeader, payloads: decodedPayloads } = decodeMessage(honest);
      assert.ok(
        acceptsOrRefuses(() => decodeMessage(encodeMessage(decodedHeader, decodedPayloads))) || hasOnlySkippedSelectors(decodedPayloads),
      );
    });
  });

  it("random octets are accepted or refused", () => {
    forAll(fc.tuple(fc.integer({ min: 0, max: 255 }), octets(0, 400)), ([first, garbage]) => {
      acceptsOrRefuses(() => decodeMessage(garbage));
      acceptsOrRefuses(() => decodePayloadChain(first, garbage));
    });
  });
});

/** A TS payload of unknown selectors alone is legal to receive, but nothing of it is left to send. */
const hasOnlySkippedSelectors = (list: readonly Payload[]): boolean =>
  list.some((payload) => (payload.type === "TSi" || payload.type === "TSr") && payload.selectors.length === 0);

describe("cost", () => {
  it("the largest datagram of the smallest structures is read or refused at once", () => {
    const transforms = Array.from({ length: 255 }, (): Transform => ({ type: 1, id: 20 }));
    const proposals = Array.from({ length: 31 }, (_, index) => ({ number: index + 1, protocolId: 3, spi: filled(4, index), transforms }));
    const sa: Payload = { type: "SA", proposals };
    const { first, octets } = encodePayloadChain([sa]);
    assert.ok(octets.length > 60_000);
    assert.deepEqual(decodePayloadChain(first, octets).payloads, [sa]);
  });

  it("a Delete that announces 65,535 SPIs makes no array of that size", () => {
    assert.ok(!acceptsOrRefuses(() => decodePayloadChain(42, Uint8Array.of(0, 0, 0, 8, 200, 0, 0xff, 0xff))));
  });
});
