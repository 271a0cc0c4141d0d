import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeFragments } from "../../src/wire/fragmentation.ts";
import { ExchangeType } from "../../src/wire/iana/index.ts";
import { ikeSpi } from "../../src/wire/ike-header.ts";
import {
  decodeMessage,
  encodeMessage,
  encodePayloadChain,
  encodeProtected,
  type BodySealer,
  type MessageHeader,
} from "../../src/wire/message.ts";
import { toHex } from "../../src/wire/octets.ts";
import { unencryptedForm, unencryptedFormOf } from "../../src/wire/unencrypted-form.ts";

const HEADER: MessageHeader = {
  initiatorSpi: ikeSpi(1n),
  responderSpi: ikeSpi(2n),
  exchangeType: ExchangeType.IKE_INTERMEDIATE,
  isInitiator: true,
  isResponse: false,
  messageId: 1,
};

const INNER = encodePayloadChain([{ type: "NONCE", data: new Uint8Array(300).fill(7) }]);

/** An IV of 8 octets, padding to 16 and an ICV of 12: nothing of that may show. */
const SEALER: BodySealer = {
  bodyLength: (length) => 8 + Math.ceil((length + 1) / 16) * 16 + 12,
  seal: (_aad, plaintext) => new Uint8Array(SEALER.bodyLength(plaintext.length)),
};

const aadOf = (datagram: Uint8Array): Uint8Array => {
  const { aad } = decodeMessage(datagram);
  assert.ok(aad !== undefined);
  return aad;
};

describe("the form of IKE_INTERMEDIATE messages that is authenticated (RFC 9242 §3.3.2)", () => {
  it("counts the headers and the inner payloads, and nothing else", () => {
    const form = unencryptedForm(HEADER, INNER);
    assert.equal(form.length, 28 + 4 + INNER.octets.length);
    const view = new DataView(form.buffer, form.byteOffset);
    assert.equal(view.getUint32(24), form.length, "Length of the IKE header");
    assert.equal(view.getUint16(30), 4 + INNER.octets.length, "Payload Length of SK");
    assert.equal(form[16], 46);
    assert.equal(form[28], INNER.first);
  });

  it("is the same at the receiver, whether the message came whole or in fragments", () => {
    const sent = toHex(unencryptedForm(HEADER, INNER));
    assert.equal(toHex(unencryptedFormOf(aadOf(encodeProtected(HEADER, INNER, SEALER)), INNER.octets)), sent);
    const [first, ...more] = encodeFragments(HEADER, INNER, 200, SEALER);
    assert.ok(first !== undefined && more.length > 0);
    assert.equal(toHex(unencryptedFormOf(aadOf(first), INNER.octets)), sent);
  });

  it("keeps what goes before the Encrypted payload in the clear", () => {
    const body = new Uint8Array(SEALER.bodyLength(INNER.octets.length));
    const clear = { type: "VENDOR" as const, data: Uint8Array.of(1, 2, 3) };
    const datagram = encodeMessage(HEADER, [clear, { type: "SK", firstInner: INNER.first, body }]);
    const form = unencryptedFormOf(aadOf(datagram), INNER.octets);
    assert.equal(toHex(form.subarray(28, 35)), "2e000007010203", "the vendor payload, which names SK");
    assert.equal(new DataView(form.buffer, form.byteOffset).getUint16(37), 4 + INNER.octets.length);
    assert.equal(form.length, 28 + 7 + 4 + INNER.octets.length);
  });
});
