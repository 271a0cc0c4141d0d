import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { InvalidKeyExchange, publicValueLength, respondKeyExchange, startKeyExchange } from "../../../src/crypto/key-exchange.ts";
import { seededEntropy } from "../../../src/crypto/entropy.ts";
import { KeyExchangeMethod } from "../../../src/wire/iana/index.ts";
import { concat, fromHex, toHex } from "../../../src/wire/octets.ts";
import { fixedEntropy } from "../fixed-entropy.ts";
import { readVectors } from "../vectors.ts";

interface Accumulated {
  readonly method: "ML_KEM_512" | "ML_KEM_768" | "ML_KEM_1024";
  readonly rounds: number;
  readonly digest: string;
}

/** One value of a KeyGen, Encaps or Decaps; long ones by their digest (test/vectors/README.md). */
type Value = { readonly method: Accumulated["method"] } & (
  | { readonly kind: "keyGen"; readonly d: string; readonly z: string; readonly ekDigest: string }
  | { readonly kind: "encaps"; readonly ek: string; readonly m: string; readonly cDigest: string; readonly k: string }
  | {
      readonly kind: "decaps";
      readonly d: string;
      readonly z: string;
      readonly m: string;
      readonly ekDigest: string;
      readonly cDigest: string;
      readonly k: string;
      readonly rejectedC: string;
      readonly rejectedK: string;
    }
);

const digestOf = (octets: Uint8Array): string => createHash("shake256", { outputLength: 16 }).update(octets).digest("hex");

const VECTORS = readVectors<Accumulated>("ml-kem.json");

/** SHAKE-128 of nothing, drawn from in order. */
function shakeStream(length: number): (n: number) => Uint8Array {
  const stream = createHash("shake128", { outputLength: length }).digest();
  let offset = 0;
  return (n) => new Uint8Array(stream.subarray(offset, (offset += n)));
}

const once = (octets: Uint8Array): { bytes: () => Uint8Array } => ({ bytes: () => octets });

for (const { method: name, rounds, digest } of VECTORS) {
  test(`${name}: ${rounds} rounds of keys, ciphertexts, secrets and implicit rejections hash to the published value`, () => {
    const method = KeyExchangeMethod[name];
    const ciphertextLength = publicValueLength(method, "responder") ?? 0;
    const draw = shakeStream(rounds * (64 + 32 + ciphertextLength));
    const accumulator = createHash("shake128", { outputLength: 32 });
    for (let round = 0; round < rounds; round++) {
      const initiator = startKeyExchange(method, once(draw(64)));
      const responder = respondKeyExchange(method, initiator.publicValue, once(draw(32)));
      assert.deepEqual(initiator.sharedSecret(responder.publicValue), responder.sharedSecret);
      const rejected = initiator.sharedSecret(draw(ciphertextLength));
      accumulator.update(concat(initiator.publicValue, responder.publicValue, responder.sharedSecret, rejected));
    }
    assert.equal(toHex(new Uint8Array(accumulator.digest())), digest);
  });

  test(`${name}: an encapsulation key with a coefficient that is not reduced is refused (FIPS 203 §7.2)`, () => {
    const method = KeyExchangeMethod[name];
    const key = startKeyExchange(method, seededEntropy(name)).publicValue.slice();
    // The first coefficient, 12 bits little endian: q itself.
    key[0] = 3329 & 0xff;
    key[1] = ((key[1] ?? 0) & 0xf0) | (3329 >> 8);
    assert.throws(() => respondKeyExchange(method, key, seededEntropy(1)), InvalidKeyExchange);
  });
}

for (const [index, vector] of readVectors<Value>("ml-kem-values.json").entries()) {
  test(`${vector.method}: ${vector.kind}, value ${index}`, () => {
    const method = KeyExchangeMethod[vector.method];
    if (vector.kind === "encaps") {
      const { publicValue, sharedSecret } = respondKeyExchange(method, fromHex(vector.ek), fixedEntropy(vector.m));
      assert.deepEqual([digestOf(publicValue), toHex(sharedSecret)], [vector.cDigest, vector.k]);
      return;
    }
    const initiator = startKeyExchange(method, fixedEntropy(vector.d + vector.z));
    assert.equal(digestOf(initiator.publicValue), vector.ekDigest);
    if (vector.kind === "keyGen") return;
    const { publicValue, sharedSecret } = respondKeyExchange(method, initiator.publicValue, fixedEntropy(vector.m));
    assert.deepEqual([digestOf(publicValue), toHex(sharedSecret)], [vector.cDigest, vector.k]);
    assert.equal(toHex(initiator.sharedSecret(publicValue)), vector.k);
    // FIPS 203 §6.3: a ciphertext that is not of this key gives a secret all the same, and another one.
    assert.equal(toHex(initiator.sharedSecret(fromHex(vector.rejectedC))), vector.rejectedK);
    assert.notEqual(vector.rejectedK, vector.k);
  });
}

test("an encapsulation key or a ciphertext of another length is refused (FIPS 203 §7.2, §7.3)", () => {
  for (const { method: name } of VECTORS) {
    const method = KeyExchangeMethod[name];
    const initiator = startKeyExchange(method, seededEntropy(name));
    const { publicValue: ciphertext } = respondKeyExchange(method, initiator.publicValue, seededEntropy(1));
    for (const change of [(octets: Uint8Array) => octets.subarray(1), (octets: Uint8Array) => concat(octets, Uint8Array.of(0))]) {
      assert.throws(() => respondKeyExchange(method, change(initiator.publicValue), seededEntropy(1)), InvalidKeyExchange);
      assert.throws(() => initiator.sharedSecret(change(ciphertext)), InvalidKeyExchange);
    }
  }
});
