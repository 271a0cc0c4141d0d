import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NotifyType, ProtocolId } from "../../src/wire/iana/index.ts";
import * as n from "../../src/wire/notify.ts";
import { fromHex, toHex } from "../../src/wire/octets.ts";
import { encodePayloadBody, type NotifyPayload, type Payload } from "../../src/wire/payload.ts";
import { assertMalformed } from "./malformed.ts";

const body = (payload: NotifyPayload): string => toHex(encodePayloadBody(payload));
const HASH = fromHex("00112233445566778899aabbccddeeff00112233");
const MESSAGE_ADDRESSES = {
  source: fromHex("c0000201"),
  destination: fromHex("c0000202"),
  sourcePort: 4500,
  destinationPort: 500,
};
const SPI = fromHex("c1a0ffee");

describe("notifies on the wire", () => {
  it("carry protocol, SPI, type and data where RFC 7296 §3.10 puts them", () => {
    assert.equal(body(n.notify(NotifyType.TEMPORARY_FAILURE)), "0000002b");
    assert.equal(body(n.natDetection("source", HASH)), "00004004" + toHex(HASH));
    assert.equal(body(n.natDetection("destination", HASH)), "00004005" + toHex(HASH));
    assert.equal(body(n.cookie(fromHex("c00c1e"))), "00004006c00c1e");
    assert.equal(body(n.invalidKe(19)), "000000110013");
    assert.equal(body(n.unsupportedCriticalPayload(200)), "00000001c8");
    assert.equal(body(n.invalidMajorVersion(2)), "0000000502");
    assert.equal(body(n.setWindowSize(16)), "0000400100000010");
    assert.equal(body(n.rekeySa(ProtocolId.ESP, SPI)), "03044009c1a0ffee");
    assert.equal(body(n.childSaNotFound(ProtocolId.ESP, SPI)), "0304002cc1a0ffee");
    assert.equal(body(n.additionalTsPossible()), "00004002");
    assert.equal(body(n.noAdditionalSas()), "00000023");
  });

  it("of RFC 9611: SA_RESOURCE_INFO with or without an identifier, TS_MAX_QUEUE without data", () => {
    assert.equal(body(n.saResourceInfo()), "0000403c");
    assert.equal(body(n.saResourceInfo(fromHex("0a0b"))), "0000403c0a0b");
    assert.equal(body(n.saResourceInfo(new Uint8Array(255))), "0000403c" + "00".repeat(255));
    assert.equal(body(n.tsMaxQueue()), "00000030");
  });

  it("of RFC 7427 and RFC 4555", () => {
    assert.equal(body(n.signatureHashAlgorithms([2, 3, 4, 5])), "0000402f0002000300040005");
    assert.equal(body(n.additionalAddress(fromHex("0a000001"))), "0000400d0a000001");
    assert.equal(body(n.additionalAddress(fromHex("fd000000000000000000000000000001"))), "0000400efd000000000000000000000000000001");
    assert.throws(() => n.additionalAddress(new Uint8Array(5)), RangeError);
    assert.equal(body(n.mobikeSupported()), "0000400c");
    assert.equal(body(n.noAdditionalAddresses()), "0000400f");
    assert.equal(body(n.updateSaAddresses()), "00004010");
    assert.equal(body(n.cookie2(fromHex("c00c1ec00c1ec00c"))), "00004011c00c1ec00c1ec00c");
    for (const length of [7, 65]) assert.throws(() => n.cookie2(new Uint8Array(length)), RangeError);
    assert.equal(body(n.noNatsAllowed(MESSAGE_ADDRESSES)), "00004012c0000201c00002021194" + "01f4");
    assert.throws(() => n.noNatsAllowed({ ...MESSAGE_ADDRESSES, source: new Uint8Array(16) }), RangeError);
  });

  it("of private use with one number, such as the draft's CPU_QUEUES", () => {
    assert.equal(body(n.notifyUint32(40970, 8)), "0000a00a00000008");
    assert.equal(n.uint32Of(n.notifyUint32(40970, 0xffffffff)), 0xffffffff);
  });
});

describe("readers of notify data", () => {
  it("invert their constructors", () => {
    assert.deepEqual(n.cookieOf(n.cookie(fromHex("c00c1e"))), fromHex("c00c1e"));
    assert.equal(n.invalidKeMethodOf(n.invalidKe(65535)), 65535);
    assert.equal(n.unsupportedPayloadTypeOf(n.unsupportedCriticalPayload(200)), 200);
    assert.equal(n.windowSizeOf(n.setWindowSize(1)), 1);
    assert.deepEqual(n.signatureHashAlgorithmsOf(n.signatureHashAlgorithms([5, 2])), [5, 2]);
    assert.deepEqual(n.additionalAddressOf(n.additionalAddress(fromHex("0a000001"))), fromHex("0a000001"));
    for (const length of [4, 16]) {
      const addresses = { ...MESSAGE_ADDRESSES, source: new Uint8Array(length).fill(1), destination: new Uint8Array(length).fill(2) };
      assert.deepEqual(n.noNatsAllowedOf(n.noNatsAllowed(addresses)), addresses);
    }
  });

  it("refuse data of no meaning", () => {
    const data = (type: number, hex: string): NotifyPayload => n.notify(type, fromHex(hex));
    assertMalformed(() => n.cookieOf(data(NotifyType.COOKIE, "")), "bad-notify-data");
    assertMalformed(() => n.cookieOf(data(NotifyType.COOKIE, "00".repeat(65))), "bad-notify-data");
    assertMalformed(() => n.invalidKeMethodOf(data(NotifyType.INVALID_KE_PAYLOAD, "13")), "bad-notify-data");
    assertMalformed(() => n.invalidKeMethodOf(data(NotifyType.INVALID_KE_PAYLOAD, "001300")), "bad-notify-data");
    assertMalformed(() => n.unsupportedPayloadTypeOf(data(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, "")), "bad-notify-data");
    assertMalformed(() => n.windowSizeOf(data(NotifyType.SET_WINDOW_SIZE, "000001")), "bad-notify-data");
    assertMalformed(() => n.windowSizeOf(data(NotifyType.SET_WINDOW_SIZE, "00000000")), "bad-notify-data");
    assertMalformed(() => n.signatureHashAlgorithmsOf(data(NotifyType.SIGNATURE_HASH_ALGORITHMS, "000203")), "bad-notify-data");
    assertMalformed(() => n.additionalAddressOf(data(NotifyType.ADDITIONAL_IP4_ADDRESS, "0a0000010a")), "bad-notify-data");
    assertMalformed(() => n.additionalAddressOf(data(NotifyType.ADDITIONAL_IP6_ADDRESS, "0a000001")), "bad-notify-data");
    assertMalformed(() => n.noNatsAllowedOf(data(NotifyType.NO_NATS_ALLOWED, "00".repeat(13))), "bad-notify-data");
  });

  it("refuse to make a cookie that no peer would return (RFC 7296 §2.6)", () => {
    assert.throws(() => n.cookie(new Uint8Array(0)), RangeError);
    assert.throws(() => n.cookie(new Uint8Array(65)), RangeError);
  });
});

describe("finding notifies", () => {
  const first = n.natDetection("source", HASH);
  const second = n.natDetection("source", fromHex("ff"));
  const payloads: Payload[] = [{ type: "VENDOR", data: HASH }, first, n.saResourceInfo(), second, n.notify(200), n.tsMaxQueue()];

  it("by type, one or all", () => {
    assert.equal(n.findNotify(payloads, NotifyType.NAT_DETECTION_SOURCE_IP), first);
    assert.deepEqual(n.findNotifies(payloads, NotifyType.NAT_DETECTION_SOURCE_IP), [first, second]);
    assert.equal(n.findNotify(payloads, NotifyType.COOKIE), undefined);
  });

  it("errors by their range, known or not (RFC 7296 §3.10.1)", () => {
    assert.equal(n.findErrorNotify(payloads)?.notifyType, 200);
    assert.equal(n.findErrorNotify([n.saResourceInfo()]), undefined);
    assert.ok(n.isErrorNotify(16383) && !n.isErrorNotify(16384) && !n.isErrorNotify(40970));
  });
});
