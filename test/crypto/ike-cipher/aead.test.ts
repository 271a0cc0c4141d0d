import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { test } from "node:test";
import { ikeCipherFor } from "../../../src/crypto/ike-cipher.ts";
import { EncryptionAlgorithm as Encr } from "../../../src/wire/iana/index.ts";
import { concat, fromHex, toHex } from "../../../src/wire/octets.ts";
import { readVectors } from "../vectors.ts";

const NONE = new Uint8Array(0);

test("ChaCha20-Poly1305: the INFORMATIONAL message of RFC 7634 appendix B", () => {
  const suite = ikeCipherFor({ id: Encr.ENCR_CHACHA20_POLY1305 })!;
  const keys = {
    encryptionKey: fromHex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3"),
    integrityKey: NONE,
    // IKE header and the generic header of the SK payload.
    aad: fromHex("c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029"),
  };
  const plaintext = fromHex("0000000c000040010000000a");
  const body = fromHex("1011121314151617" + "610394701f8d017f7c12924889" + "6b71bfe25236efd7cdc67066906315b2");
  assert.equal(toHex(suite.seal({ ...keys, iv: body.slice(0, 8), plaintext })), toHex(body));
  assert.deepEqual(suite.open({ ...keys, body }), plaintext);
});

/**
 * Cases 2, 8 and 14 of "The Galois/Counter Mode of Operation" (McGrew and Viega, appendix B): key, nonce and 16 octets of plaintext all zero.
 * Read as an SK payload, the plaintext is 15 octets and a Pad Length of zero.
 */
const ALL_ZERO = [
  { keyLength: 128, ciphertext: "0388dace60b6a392f328c2b971b2fe78", icv: "ab6e47d42cec13bdf53a67b21257bddf" },
  { keyLength: 192, ciphertext: "98e7247c07f0fe411c267e4384b0f600", icv: "2ff58d80033927ab8ef4d4587514f0fb" },
  { keyLength: 256, ciphertext: "cea7403d4d606b6e074ec5d3baf39d18", icv: "d0d1c8a799996bf0265b98b5d48ab919" },
];

for (const { keyLength, ciphertext, icv } of ALL_ZERO) {
  test(`AES-GCM-${keyLength} with ICVs of 16, 12 and 8 octets: GCM's own test cases`, () => {
    const inputs = { encryptionKey: new Uint8Array(keyLength / 8 + 4), integrityKey: NONE, aad: NONE, iv: new Uint8Array(8) };
    for (const [id, icvLength] of [
      [Encr.ENCR_AES_GCM_16, 16],
      [Encr.ENCR_AES_GCM_12, 12],
      [Encr.ENCR_AES_GCM_8, 8],
    ] as const) {
      const suite = ikeCipherFor({ id, keyLength })!;
      const body = suite.seal({ ...inputs, plaintext: new Uint8Array(15) });
      assert.equal(toHex(body), "00".repeat(8) + ciphertext + icv.slice(0, 2 * icvLength));
    }
  });
}

interface EspVector {
  readonly name: string;
  readonly cipher: string;
  readonly keymat: string;
  readonly plaintext: string;
  readonly aad: string;
  readonly packet: string;
}

const TRANSFORMS: ReadonlyMap<string, { id: number; keyLength?: number }> = new Map([
  ["aes128gcm16", { id: Encr.ENCR_AES_GCM_16, keyLength: 128 }],
  ["aes192gcm16", { id: Encr.ENCR_AES_GCM_16, keyLength: 192 }],
  ["aes256gcm16", { id: Encr.ENCR_AES_GCM_16, keyLength: 256 }],
  ["chacha20poly1305", { id: Encr.ENCR_CHACHA20_POLY1305 }],
]);

/** ESP builds its nonce as IKE does, so these open as SK bodies; the ESP trailer's last octet is then taken for the Pad Length. */
for (const { name, cipher, keymat, plaintext, aad, packet } of readVectors<EspVector>("esp-aead.json")) {
  test(`${cipher} with associated data: ${name}`, () => {
    const suite = ikeCipherFor(TRANSFORMS.get(cipher)!)!;
    const padded = fromHex(plaintext);
    const opened = suite.open({ encryptionKey: fromHex(keymat), integrityKey: NONE, aad: fromHex(aad), body: fromHex(packet).subarray(8) });
    assert.equal(toHex(opened!), toHex(padded.subarray(0, padded.length - 1 - padded.at(-1)!)));
  });
}

/** NIST CAVP gcmEncryptExtIV128, PTlen and AADlen 128, count 0. Its plaintext ends in 0x69, no Pad Length of 16 octets. */
test("a right ICV over padding that is none is refused", () => {
  const suite = ikeCipherFor({ id: Encr.ENCR_AES_GCM_16, keyLength: 128 })!;
  const nonce = "b3d8cc017cbb89b39e0f67e2";
  const body = fromHex(nonce.slice(8) + "93fe7d9e9bfd10348a5606e5cafa7354" + "0032a1dc85f1c9786925a2e71d8272dd");
  const inputs = {
    encryptionKey: fromHex("c939cc13397c1d37de6ae0e1cb7c423c" + nonce.slice(0, 8)),
    integrityKey: NONE,
    aad: fromHex("24825602bd12a984e0092d3e448eda5f"),
  };
  assert.equal(suite.open({ ...inputs, body }), undefined);
  // The ICV is right indeed: the same key, nonce and associated data seal the vector's first 15 octets to the vector's first 15.
  const plaintext = fromHex("c3b3c41f113a31b73d9a5cd4321030");
  assert.equal(toHex(suite.seal({ ...inputs, iv: body.slice(0, 8), plaintext }).subarray(8, 23)), toHex(body.subarray(8, 23)));
});

test("more padding than needed is accepted (RFC 7634 §3: any length)", () => {
  const suite = ikeCipherFor({ id: Encr.ENCR_AES_GCM_16, keyLength: 128 })!;
  const key = new Uint8Array(20);
  const iv = new Uint8Array(8);
  for (const padding of [0, 1, 7, 255]) {
    const cipher = createCipheriv("aes-128-gcm", key.subarray(0, 16), new Uint8Array(12));
    const ciphertext = cipher.update(concat(fromHex("0102"), new Uint8Array(padding).fill(0xaa), Uint8Array.of(padding)));
    cipher.final();
    const body = concat(iv, ciphertext, cipher.getAuthTag());
    assert.equal(toHex(suite.open({ encryptionKey: key, integrityKey: NONE, aad: NONE, body })!), "0102");
  }
});
