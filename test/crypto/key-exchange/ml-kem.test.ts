import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { InvalidKeyExchange, publicValueLength, respondKeyExchange, startKeyExchange } from "../../../src/crypto/key-exchange.ts";
import { seededEntropy } from "../../../src/crypto/entropy.ts";
import { KeyExchangeMethod } from "../../../src/wire/iana/index.ts";
import { concat, toHex } from "../../../src/wire/octets.ts";
import { readVectors } from "../vectors.ts";

interface Accumulated {
  readonly method: "ML_KEM_512" | "ML_KEM_768" | "ML_KEM_1024";
  readonly rounds: number;
  readonly digest: string;
}

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
