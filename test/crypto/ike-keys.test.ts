import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import {
  deriveChildKeymat,
  deriveIkeKeys,
  mixPpk,
  rekeyIkeKeys,
  strengthenIkeKeys,
  wipe,
  wipeIkeKeys,
  type IkeKeys,
} from "../../src/crypto/ike-keys.ts";
import { prfFor, type Prf } from "../../src/crypto/prf.ts";
import { Prf as PrfId } from "../../src/wire/iana/index.ts";
import { concat, fromHex, toHex } from "../../src/wire/octets.ts";
import { readVectors } from "./vectors.ts";

interface KeyVector {
  readonly name: string;
  readonly hash: "sha1" | "sha256" | "sha384" | "sha512";
  readonly gir: string;
  readonly girNew: string;
  readonly nonceI: string;
  readonly nonceR: string;
  readonly spiI: string;
  readonly spiR: string;
  readonly length: number;
  readonly skeyseed: string;
  readonly ikeKeymat: string;
  readonly ikeKeymatRekey: string;
  readonly childKeymat: string;
  readonly childKeymatPfs: string;
}

/** NIST's vector has SHA-1, which cannot be negotiated here: the derivation must not care. */
const PRF_HMAC_SHA1: Prf = {
  name: "PRF_HMAC_SHA1",
  transformId: PrfId.PRF_HMAC_SHA1,
  keyLength: 20,
  outputLength: 20,
  compute: (key, ...chunks) =>
    new Uint8Array(
      createHmac("sha1", key)
        .update(concat(...chunks))
        .digest(),
    ),
};

const PRFS: Readonly<Record<KeyVector["hash"], Prf>> = {
  sha1: PRF_HMAC_SHA1,
  sha256: prfFor(PrfId.PRF_HMAC_SHA2_256)!,
  sha384: prfFor(PrfId.PRF_HMAC_SHA2_384)!,
  sha512: prfFor(PrfId.PRF_HMAC_SHA2_512)!,
};

const inOrder = (keys: IkeKeys): Uint8Array => concat(keys.skD, keys.skAi, keys.skAr, keys.skEi, keys.skEr, keys.skPi, keys.skPr);

/** Key lengths of a cipher that use up the vector's key stream exactly: an AEAD's with AES-128-GCM, else whatever is left for SK_e and SK_a. */
function cipherFor(length: number, prf: Prf): { keyLength: number; integKeyLength: number } {
  const left = (length - 3 * prf.keyLength) / 2;
  return left > 40 ? { keyLength: 32, integKeyLength: left - 32 } : { keyLength: left, integKeyLength: 0 };
}

function inputsOf(vector: KeyVector) {
  const prf = PRFS[vector.hash];
  return {
    prf,
    cipher: cipherFor(vector.length, prf),
    nonceI: fromHex(vector.nonceI),
    nonceR: fromHex(vector.nonceR),
    spiI: fromHex(vector.spiI),
    spiR: fromHex(vector.spiR),
    sharedSecret: fromHex(vector.gir),
  };
}

const VECTORS = readVectors<KeyVector>("ike-keys.json");

for (const vector of VECTORS) {
  const { name } = vector;

  test(`keys of a first IKE SA: ${name}`, () => {
    const inputs = inputsOf(vector);
    const keys = deriveIkeKeys(inputs);
    assert.equal(toHex(inOrder(keys)), vector.ikeKeymat);
    assert.equal(keys.skD.length, inputs.prf.keyLength);
    assert.equal(keys.skAi.length, inputs.cipher.integKeyLength);
    assert.equal(keys.skEr.length, inputs.cipher.keyLength);
    assert.equal(keys.skPr.length, inputs.prf.keyLength);
  });

  test(`keys of a rekeyed IKE SA: ${name}`, () => {
    const inputs = inputsOf(vector);
    const { skD } = deriveIkeKeys(inputs);
    const keys = rekeyIkeKeys({ ...inputs, sharedSecret: fromHex(vector.girNew), oldPrf: inputs.prf, oldSkD: skD });
    assert.equal(toHex(inOrder(keys)), vector.ikeKeymatRekey);
  });

  test(`keys of a Child SA: ${name}`, () => {
    const { prf, nonceI, nonceR, ...inputs } = inputsOf(vector);
    const { skD } = deriveIkeKeys({ prf, nonceI, nonceR, ...inputs });
    const lengthPerDirection = vector.length / 2;
    const plain = deriveChildKeymat({ prf, skD, nonceI, nonceR, lengthPerDirection });
    assert.equal(toHex(plain.initiatorToResponder) + toHex(plain.responderToInitiator), vector.childKeymat);
    const withPfs = deriveChildKeymat({ prf, skD, nonceI, nonceR, sharedSecret: fromHex(vector.girNew), lengthPerDirection });
    assert.equal(toHex(withPfs.initiatorToResponder) + toHex(withPfs.responderToInitiator), vector.childKeymatPfs);
    assert.equal(withPfs.initiatorToResponder.length, lengthPerDirection);
  });
}

test("NIST's vector is among them", () => {
  assert.deepEqual(
    VECTORS.map(({ hash }) => hash),
    ["sha1", "sha256", "sha384", "sha512"],
  );
  assert.match(VECTORS[0]!.name, /NIST/);
});

test("when an IKE SA is rekeyed to another prf, SKEYSEED comes from the old one and the keys from the new one (RFC 7296 §2.18)", () => {
  const old = PRFS.sha512;
  const next = PRFS.sha256;
  const inputs = { ...inputsOf(VECTORS[1]!), prf: next, cipher: { keyLength: 20, integKeyLength: 0 } };
  const oldSkD = new Uint8Array(64).fill(7);
  const skeyseed = old.compute(oldSkD, concat(inputs.sharedSecret, inputs.nonceI, inputs.nonceR));
  const firstBlock = next.compute(skeyseed, concat(inputs.nonceI, inputs.nonceR, inputs.spiI, inputs.spiR, Uint8Array.of(1)));
  assert.deepEqual(rekeyIkeKeys({ ...inputs, oldPrf: old, oldSkD }).skD, firstBlock);
});

test("no two keys share a buffer, so that one can be wiped or sent to another thread alone", () => {
  const inputs = inputsOf(VECTORS[3]!);
  const keys = deriveIkeKeys(inputs);
  const child = deriveChildKeymat({ ...inputs, skD: keys.skD, lengthPerDirection: 20 });
  const all = [...(Object.values(keys) as Uint8Array[]), child.initiatorToResponder, child.responderToInitiator];
  assert.equal(new Set(all.map(({ buffer }) => buffer)).size, all.length);
  for (const key of all) assert.equal(key.buffer.byteLength, key.length);
});

test("wiping leaves zeros, and inputs that are the caller's are left alone", () => {
  const inputs = inputsOf(VECTORS[3]!);
  const keys = deriveIkeKeys(inputs);
  assert.equal(toHex(inputs.sharedSecret), VECTORS[3]!.gir);
  wipeIkeKeys(keys);
  for (const key of Object.values(keys) as Uint8Array[]) assert.ok(key.every((octet) => octet === 0));
  const secret = Uint8Array.of(1, 2, 3);
  wipe(secret);
  assert.deepEqual(secret, new Uint8Array(3));
});

test("SKEYSEED and every block of prf+ are wiped when the keys are cut from them", () => {
  const inputs = inputsOf(VECTORS[3]!);
  const outputs: Uint8Array[] = [];
  const prf: Prf = {
    ...inputs.prf,
    compute(key, ...chunks) {
      const output = inputs.prf.compute(key, ...chunks);
      outputs.push(output);
      return output;
    },
  };
  const keys = deriveIkeKeys({ ...inputs, prf });
  deriveChildKeymat({ ...inputs, prf, skD: keys.skD, lengthPerDirection: 96 });
  assert.equal(outputs.length, 1 + 6 + 3, "SKEYSEED, six blocks for the IKE SA, three for the Child SA");
  for (const output of outputs) assert.ok(output.every((octet) => octet === 0));
});

test("secrets of additional key exchanges go in where RFC 9370 says", () => {
  const inputs = inputsOf(VECTORS[3]!);
  const { prf, nonceI, nonceR, spiI, spiR, sharedSecret } = inputs;
  const oldSkD = new Uint8Array(prf.keyLength).fill(7);
  const furtherSecrets = [Uint8Array.of(1, 1), Uint8Array.of(2, 2, 2)];
  const hmac = (key: Uint8Array, ...chunks: Uint8Array[]): string =>
    createHmac(VECTORS[3]!.hash, key)
      .update(concat(...chunks))
      .digest("hex");
  /** SK_d is the first of what prf+ gives. */
  const skD = (skeyseed: string): string =>
    hmac(fromHex(skeyseed), nonceI, nonceR, spiI, spiR, Uint8Array.of(1)).slice(0, 2 * prf.keyLength);
  // §2.2.2: prf(SK_d(n-1), SK(n) | Ni | Nr).
  assert.equal(toHex(strengthenIkeKeys({ ...inputs, oldSkD }).skD), skD(hmac(oldSkD, sharedSecret, nonceI, nonceR)));
  // §2.2.4: prf(SK_d, SK(0) | Ni | Nr | SK(1) | … | SK(n)).
  const seed = [sharedSecret, nonceI, nonceR, ...furtherSecrets];
  assert.equal(toHex(rekeyIkeKeys({ ...inputs, oldPrf: prf, oldSkD, furtherSecrets }).skD), skD(hmac(oldSkD, ...seed)));
  // §2.2.4: prf+(SK_d, SK(0) | Ni | Nr | SK(1) | … | SK(n)).
  const child = deriveChildKeymat({ ...inputs, skD: oldSkD, furtherSecrets, lengthPerDirection: 16 });
  assert.equal(toHex(child.initiatorToResponder), hmac(oldSkD, ...seed, Uint8Array.of(1)).slice(0, 32));
});

test("a PPK goes into SK_d, SK_pi and SK_pr by prf+ under the PPK (RFC 8784 §3)", () => {
  const prf = prfFor(PrfId.PRF_HMAC_SHA2_256);
  assert.ok(prf !== undefined);
  const [ppk, skD, skPi, skPr] = [1, 2, 3, 4].map((octet) => new Uint8Array(32).fill(octet));
  assert.ok(ppk !== undefined && skD !== undefined && skPi !== undefined && skPr !== undefined);
  const mixed = mixPpk(prf, ppk, { skD, skPi, skPr });
  // One block of prf+ is enough: T1 = prf(PPK, key | 0x01).
  const expected = (key: Uint8Array): string => createHmac("sha256", ppk).update(key).update(Uint8Array.of(1)).digest("hex");
  assert.deepEqual([mixed.skD, mixed.skPi, mixed.skPr].map(toHex), [skD, skPi, skPr].map(expected));
});
