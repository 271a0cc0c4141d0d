import assert from "node:assert/strict";
import { createCipheriv, createHmac } from "node:crypto";
import { test } from "node:test";
import { ikeCipherFor } from "../../../src/crypto/ike-cipher.ts";
import { EncryptionAlgorithm as Encr, IntegrityAlgorithm as Integ } from "../../../src/wire/iana/index.ts";
import { concat, fromHex, toHex } from "../../../src/wire/octets.ts";
import { readVectors } from "../vectors.ts";

interface SkPayloadVector {
  readonly mode: "cbc" | "ctr";
  readonly keyLength: number;
  readonly hash: "sha256" | "sha384" | "sha512";
  readonly encryptionKey: string;
  readonly integrityKey: string;
  readonly aad: string;
  readonly iv: string;
  readonly plaintext: string;
  readonly body: string;
}

const MODES = { cbc: Encr.ENCR_AES_CBC, ctr: Encr.ENCR_AES_CTR };
const MACS = { sha256: Integ.AUTH_HMAC_SHA2_256_128, sha384: Integ.AUTH_HMAC_SHA2_384_192, sha512: Integ.AUTH_HMAC_SHA2_512_256 };

for (const vector of readVectors<SkPayloadVector>("sk-payload.json")) {
  const { mode, keyLength, hash } = vector;
  test(`AES-${keyLength}-${mode.toUpperCase()} with HMAC-${hash}, ${vector.plaintext.length / 2} octets, agrees with openssl and Python`, () => {
    const suite = ikeCipherFor({ id: MODES[mode], keyLength }, { id: MACS[hash] })!;
    const inputs = {
      encryptionKey: fromHex(vector.encryptionKey),
      integrityKey: fromHex(vector.integrityKey),
      aad: fromHex(vector.aad),
    };
    const plaintext = fromHex(vector.plaintext);
    assert.equal(toHex(suite.seal({ ...inputs, iv: fromHex(vector.iv), plaintext })), vector.body);
    assert.deepEqual(suite.open({ ...inputs, body: fromHex(vector.body) }), plaintext);
  });
}

/** RFC 3602 §4 case 1 and RFC 3686 §6 test vector 1, both of one block: the padding that is ours comes after it. */
test("the first block of AES-CBC and AES-CTR is that of their RFCs", () => {
  const plaintext = new TextEncoder().encode("Single block msg");
  const rest = { integrityKey: new Uint8Array(32), aad: new Uint8Array(0), plaintext };
  const cbc = ikeCipherFor({ id: Encr.ENCR_AES_CBC, keyLength: 128 }, { id: MACS.sha256 })!.seal({
    ...rest,
    encryptionKey: fromHex("06a9214036b8a15b512e03d534120006"),
    iv: fromHex("3dafba429d9eb430b422da802c9fac41"),
  });
  assert.equal(toHex(cbc.subarray(16, 32)), "e353779c1079aeb82708942dbe77181a");
  const ctr = ikeCipherFor({ id: Encr.ENCR_AES_CTR, keyLength: 128 }, { id: MACS.sha256 })!.seal({
    ...rest,
    encryptionKey: fromHex("ae6852f8121067cc4bf7a5765577f39e" + "00000030"),
    iv: fromHex("0000000000000000"),
  });
  assert.equal(toHex(ctr.subarray(8, 24)), "e4095d4fb7a7b3792d6175a3261311b8");
});

test("a right MAC over padding that is none is refused, and over more than the least is accepted", () => {
  const suite = ikeCipherFor({ id: Encr.ENCR_AES_CBC, keyLength: 128 }, { id: MACS.sha256 })!;
  const inputs = { encryptionKey: new Uint8Array(16), integrityKey: new Uint8Array(32), aad: fromHex("aa") };
  const iv = new Uint8Array(16);
  const sealRaw = (padded: Uint8Array): Uint8Array => {
    const cipher = createCipheriv("aes-128-cbc", inputs.encryptionKey, iv);
    cipher.setAutoPadding(false);
    const ivAndCiphertext = concat(iv, cipher.update(padded));
    return concat(
      ivAndCiphertext,
      createHmac("sha256", inputs.integrityKey).update(inputs.aad).update(ivAndCiphertext).digest().subarray(0, 16),
    );
  };
  const block = fromHex("0102030405060708090a0b0c0d0e0f10");
  assert.equal(suite.open({ ...inputs, body: sealRaw(block) }), undefined, "a Pad Length of 16 in 16 octets");
  assert.equal(toHex(suite.open({ ...inputs, body: sealRaw(concat(block, block)) })!), toHex(block.subarray(0, 15)));
});

test("a right MAC over a part of a block is refused", () => {
  const suite = ikeCipherFor({ id: Encr.ENCR_AES_CBC, keyLength: 128 }, { id: MACS.sha256 })!;
  const inputs = { encryptionKey: new Uint8Array(16), integrityKey: new Uint8Array(32), aad: fromHex("aa") };
  // IV, a whole block that decrypts to padding alone, and one octet more.
  const cipher = createCipheriv("aes-128-cbc", inputs.encryptionKey, new Uint8Array(16)).setAutoPadding(false);
  const ivAndCiphertext = concat(new Uint8Array(16), cipher.update(new Uint8Array(16).fill(15)), Uint8Array.of(0));
  const icv = createHmac("sha256", inputs.integrityKey).update(inputs.aad).update(ivAndCiphertext).digest().subarray(0, 16);
  assert.equal(suite.open({ ...inputs, body: concat(ivAndCiphertext, icv) }), undefined);
});
