/** What all cipher suites have in common; the vectors of each kind are in ike-cipher/. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ikeCipherFor, type IkeCipherSuite, type SealInputs } from "../../src/crypto/ike-cipher.ts";
import { seededEntropy } from "../../src/crypto/entropy.ts";
import { EncryptionAlgorithm as Encr, IntegrityAlgorithm as Integ } from "../../src/wire/iana/index.ts";
import { concat } from "../../src/wire/octets.ts";

const SHA2_256 = { id: Integ.AUTH_HMAC_SHA2_256_128 };
const SHA2_384 = { id: Integ.AUTH_HMAC_SHA2_384_192 };
const SHA2_512 = { id: Integ.AUTH_HMAC_SHA2_512_256 };

const gcm = (id: number, keyLength: number) => [`${Encr.nameOf(id)}-${keyLength}`, ikeCipherFor({ id, keyLength })!] as const;
const mac = (id: number, keyLength: number, integ: { id: number }) =>
  [`${Encr.nameOf(id)}-${keyLength} with ${Integ.nameOf(integ.id)}`, ikeCipherFor({ id, keyLength }, integ)!] as const;

/** Key length with salt, integrity key, IV, ICV, block: all in octets. */
const SUITES: readonly (readonly [name: string, suite: IkeCipherSuite, lengths: readonly number[]])[] = [
  [...gcm(Encr.ENCR_AES_GCM_16, 128), [20, 0, 8, 16, 1]],
  [...gcm(Encr.ENCR_AES_GCM_16, 192), [28, 0, 8, 16, 1]],
  [...gcm(Encr.ENCR_AES_GCM_16, 256), [36, 0, 8, 16, 1]],
  [...gcm(Encr.ENCR_AES_GCM_12, 128), [20, 0, 8, 12, 1]],
  [...gcm(Encr.ENCR_AES_GCM_8, 256), [36, 0, 8, 8, 1]],
  ["ENCR_CHACHA20_POLY1305", ikeCipherFor({ id: Encr.ENCR_CHACHA20_POLY1305 }, { id: Integ.NONE })!, [36, 0, 8, 16, 1]],
  [...mac(Encr.ENCR_AES_CBC, 128, SHA2_256), [16, 32, 16, 16, 16]],
  [...mac(Encr.ENCR_AES_CBC, 192, SHA2_384), [24, 48, 16, 24, 16]],
  [...mac(Encr.ENCR_AES_CBC, 256, SHA2_512), [32, 64, 16, 32, 16]],
  [...mac(Encr.ENCR_AES_CTR, 128, SHA2_256), [20, 32, 8, 16, 1]],
  [...mac(Encr.ENCR_AES_CTR, 256, SHA2_512), [36, 64, 8, 32, 1]],
];

function inputsFor(suite: IkeCipherSuite, plaintext: Uint8Array, seed: string | number = "suite"): SealInputs {
  const entropy = seededEntropy(seed);
  return {
    encryptionKey: entropy.bytes(suite.keyLength),
    integrityKey: entropy.bytes(suite.integKeyLength),
    aad: entropy.bytes(32),
    iv: entropy.bytes(suite.ivLength),
    plaintext,
  };
}

for (const [name, suite, lengths] of SUITES) {
  test(`${name}: lengths`, () => {
    assert.deepEqual([suite.keyLength, suite.integKeyLength, suite.ivLength, suite.icvLength, suite.blockSize], lengths);
  });

  test(`${name}: what is sealed is opened, at the length that was promised`, () => {
    const anything = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(anything, fc.integer(), (plaintext, seed) => {
        const inputs = inputsFor(suite, plaintext, seed);
        const body = suite.seal(inputs);
        assert.equal(body.length, suite.bodyLength(plaintext.length));
        assert.equal((body.length - suite.ivLength - suite.icvLength) % suite.blockSize, 0);
        assert.deepEqual(body.slice(0, suite.ivLength), inputs.iv);
        assert.deepEqual(suite.open({ ...inputs, body }), new Uint8Array(plaintext));
      }),
      { seed: 5282, numRuns: 60 },
    );
  });

  test(`${name}: one bit wrong anywhere, in the body or the associated data, and nothing is opened`, () => {
    const inputs = inputsFor(suite, new Uint8Array(20).fill(3));
    const body = suite.seal(inputs);
    for (let bit = 0; bit < 8 * body.length; bit++) {
      assert.equal(suite.open({ ...inputs, body: flipped(body, bit) }), undefined, `bit ${bit} of the body`);
    }
    for (let bit = 0; bit < 8 * inputs.aad.length; bit++) {
      assert.equal(suite.open({ ...inputs, aad: flipped(inputs.aad, bit), body }), undefined, `bit ${bit} of the associated data`);
    }
    assert.equal(suite.open({ ...inputs, aad: inputs.aad.subarray(1), body }), undefined);
    const macKey = suite.integKeyLength === 0 ? "encryptionKey" : "integrityKey";
    assert.equal(suite.open({ ...inputs, [macKey]: flipped(inputs[macKey], 0), body }), undefined);
  });

  test(`${name}: a body cut short or lengthened is refused without an exception, down to nothing`, () => {
    const inputs = inputsFor(suite, new Uint8Array(40));
    const body = suite.seal(inputs);
    for (let length = 0; length < body.length; length++) {
      assert.equal(suite.open({ ...inputs, body: body.subarray(0, length) }), undefined, `${length} octets`);
    }
    assert.equal(suite.open({ ...inputs, body: concat(body, new Uint8Array(suite.blockSize)) }), undefined);
  });

  test(`${name}: garbage is refused without an exception`, () => {
    const inputs = inputsFor(suite, new Uint8Array(0));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (body) => {
        assert.equal(suite.open({ ...inputs, body }), undefined);
      }),
      { seed: 7296, numRuns: 200 },
    );
  });

  test(`${name}: keys and IVs of another length are our mistake`, () => {
    const inputs = inputsFor(suite, new Uint8Array(4));
    const body = suite.seal(inputs);
    const shortKey = inputs.encryptionKey.subarray(1);
    assert.throws(() => suite.seal({ ...inputs, encryptionKey: shortKey }), RangeError);
    assert.throws(() => suite.open({ ...inputs, encryptionKey: shortKey, body }), RangeError);
    assert.throws(() => suite.seal({ ...inputs, iv: new Uint8Array(suite.ivLength + 1) }), RangeError);
    if (suite.integKeyLength === 0) return;
    assert.throws(() => suite.seal({ ...inputs, integrityKey: new Uint8Array(1) }), RangeError);
    assert.throws(() => suite.open({ ...inputs, integrityKey: new Uint8Array(1), body }), RangeError);
  });
}

test("an AEAD takes no integrity transform but NONE; the others need a real one", () => {
  const { ENCR_AES_GCM_16, ENCR_AES_CBC, ENCR_CHACHA20_POLY1305 } = Encr;
  assert.equal(ikeCipherFor({ id: ENCR_AES_GCM_16, keyLength: 128 }, SHA2_256), undefined);
  assert.notEqual(ikeCipherFor({ id: ENCR_AES_GCM_16, keyLength: 128 }, { id: Integ.NONE }), undefined);
  assert.equal(ikeCipherFor({ id: ENCR_CHACHA20_POLY1305 }, SHA2_256), undefined);
  assert.equal(ikeCipherFor({ id: ENCR_AES_CBC, keyLength: 128 }), undefined);
  assert.equal(ikeCipherFor({ id: ENCR_AES_CBC, keyLength: 128 }, { id: Integ.NONE }), undefined);
  assert.equal(ikeCipherFor({ id: ENCR_AES_CBC, keyLength: 128 }, { id: Integ.AUTH_HMAC_MD5_96 }), undefined);
});

test("key lengths: AES needs one that it has, ChaCha20 must not have the attribute (RFC 7634 §4)", () => {
  const { ENCR_AES_GCM_16, ENCR_AES_CBC, ENCR_CHACHA20_POLY1305 } = Encr;
  assert.equal(ikeCipherFor({ id: ENCR_AES_GCM_16 }), undefined);
  assert.equal(ikeCipherFor({ id: ENCR_AES_GCM_16, keyLength: 64 }), undefined);
  assert.equal(ikeCipherFor({ id: ENCR_AES_CBC }, SHA2_256), undefined);
  assert.equal(ikeCipherFor({ id: ENCR_AES_CBC, keyLength: 512 }, SHA2_256), undefined);
  assert.equal(ikeCipherFor({ id: ENCR_CHACHA20_POLY1305, keyLength: 256 }), undefined);
});

test("ciphers that must not be used do not exist", () => {
  for (const id of [Encr.ENCR_DES, Encr.ENCR_3DES, Encr.ENCR_NULL, Encr.ENCR_BLOWFISH]) {
    assert.equal(ikeCipherFor({ id }, SHA2_256), undefined);
  }
});

function flipped(octets: Uint8Array, bit: number): Uint8Array {
  const copy = octets.slice();
  copy[bit >> 3]! ^= 0x80 >> (bit & 7);
  return copy;
}
