import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  decodeEspTrailer,
  encodeEspTrailer,
  ESP_HEADER_LENGTH,
  ESP_ICV_LENGTH,
  ESP_IV_LENGTH,
  espAad,
  espPacketLength,
  espPadLength,
  EspView,
} from "../../src/wire/esp.ts";
import { concat, fromHex, toHex } from "../../src/wire/octets.ts";
import { octets, u64, u8 } from "./arbitraries.ts";
import { forAll } from "./property.ts";

describe("EspView", () => {
  it("finds the parts where RFC 4106 §3 draws them", () => {
    const packet = fromHex("c1a0ffee 00000007 1122334455667788 aabbccdd a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
    const view = EspView.over(packet);
    assert.ok(view !== undefined);
    assert.equal(view.spi, 0xc1a0ffee);
    assert.equal(view.sequence, 7);
    assert.equal(toHex(view.iv), "1122334455667788");
    assert.equal(view.ciphertextOffset, 16);
    assert.equal(toHex(view.ciphertext), "aabbccdd");
    assert.equal(view.icvOffset, 20);
    assert.equal(toHex(view.icv), "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
  });

  it("works within a larger buffer", () => {
    const packet = fromHex("ffffffff c1a0ffee 00000007 1122334455667788 aabbccdd a0a1a2a3a4a5a6a7a8a9aaabacadaeaf ffff");
    const view = EspView.over(packet.subarray(4, packet.length - 2));
    assert.equal(view?.spi, 0xc1a0ffee);
    assert.equal(view.icv.length, 16);
  });

  it("takes other lengths of IV and ICV, such as those of AES-CBC with HMAC-SHA-256-128", () => {
    const view = EspView.over(new Uint8Array(8 + 16 + 16 + 16), { ivLength: 16, icvLength: 16 });
    assert.equal(view?.ciphertextOffset, 24);
    assert.equal(view.ciphertext.length, 16);
  });

  it("is refused when too short for a trailer or not aligned (RFC 4303 §2.4)", () => {
    const shortest = ESP_HEADER_LENGTH + ESP_IV_LENGTH + 4 + ESP_ICV_LENGTH;
    for (let length = 0; length <= shortest + 8; length++) {
      assert.equal(EspView.over(new Uint8Array(length)) !== undefined, length >= shortest && length % 4 === 0, `${length} octets`);
    }
  });
});

describe("ESP trailer", () => {
  it("is padding 1, 2, 3, its length and the next header (RFC 4303 §2.4)", () => {
    assert.equal(toHex(encodeEspTrailer(0, 4)), "01020204");
    assert.equal(toHex(encodeEspTrailer(1, 41)), "010129");
    assert.equal(toHex(encodeEspTrailer(2, 59)), "003b");
    assert.equal(toHex(encodeEspTrailer(3, 4)), "0102030304");
  });

  it("aligns every payload with less than four octets of padding, and is read back", () => {
    forAll(fc.tuple(octets(0, 100), u8), ([payload, nextHeader]) => {
      const plaintext = concat(payload, encodeEspTrailer(payload.length, nextHeader));
      assert.equal(plaintext.length % 4, 0);
      const padLength = espPadLength(payload.length);
      assert.ok(padLength < 4);
      assert.deepEqual(decodeEspTrailer(plaintext), { payloadLength: payload.length, padLength, nextHeader });
      const packet = new Uint8Array(espPacketLength(payload.length));
      assert.equal(EspView.over(packet)?.ciphertext.length, plaintext.length);
    });
  });

  it("accepts the longest padding, as traffic-flow confidentiality uses it", () => {
    const padding = Uint8Array.from({ length: 255 }, (_, index) => index + 1);
    assert.deepEqual(decodeEspTrailer(concat(padding, Uint8Array.of(255, 59))), { payloadLength: 0, padLength: 255, nextHeader: 59 });
  });

  it("is refused when the padding is too long or not in order", () => {
    for (const plaintext of ["", "04", "0104", "010304", "0102030404", "000104", "02010204"]) {
      assert.equal(decodeEspTrailer(fromHex(plaintext)), undefined, plaintext);
    }
  });
});

describe("espAad", () => {
  it("has 32 bits of sequence number, or 64 with ESN (RFC 4106 §5)", () => {
    assert.equal(toHex(espAad(0xc1a0ffee, 7n, false)), "c1a0ffee00000007");
    assert.equal(toHex(espAad(0xc1a0ffee, 0x100000007n, true)), "c1a0ffee0000000100000007");
    forAll(u64, (sequence) => assert.equal(espAad(1, sequence, false).length + 4, espAad(1, sequence, true).length));
  });
});
