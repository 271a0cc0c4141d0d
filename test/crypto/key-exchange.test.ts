import assert from "node:assert/strict";
import { test } from "node:test";
import { seededEntropy } from "../../src/crypto/entropy.ts";
import {
  InvalidKeyExchange,
  publicValueLength,
  respondKeyExchange,
  startKeyExchange,
  supportedKeyExchanges,
} from "../../src/crypto/key-exchange.ts";
import { KeyExchangeMethod } from "../../src/wire/iana/index.ts";

test("what is supported", () => {
  assert.deepEqual(supportedKeyExchanges().map(KeyExchangeMethod.nameOf), [
    "CURVE25519",
    "CURVE448",
    "ECP_256",
    "ECP_384",
    "ECP_521",
    "MODP_2048",
    "MODP_3072",
    "MODP_4096",
    "MODP_6144",
    "MODP_8192",
    "ML_KEM_768",
    "ML_KEM_1024",
    "ML_KEM_512",
  ]);
});

for (const method of supportedKeyExchanges()) {
  const name = KeyExchangeMethod.nameOf(method);
  const seed = `key exchange ${name}`;

  test(`${name}: both ends get one secret, and a run can be replayed`, () => {
    const run = () => {
      const entropy = seededEntropy(seed);
      const initiator = startKeyExchange(method, entropy);
      assert.equal(initiator.method, method);
      const responder = respondKeyExchange(method, initiator.publicValue, entropy);
      assert.equal(initiator.publicValue.length, publicValueLength(method, "initiator"));
      assert.equal(responder.publicValue.length, publicValueLength(method, "responder"));
      assert.deepEqual(initiator.sharedSecret(responder.publicValue), responder.sharedSecret);
      assert.equal(Object.getPrototypeOf(responder.sharedSecret), Uint8Array.prototype);
      return [initiator.publicValue, responder.publicValue, responder.sharedSecret];
    };
    assert.deepEqual(run(), run());
  });

  test(`${name}: a value of another length is refused, whatever it is`, () => {
    const own = startKeyExchange(method, seededEntropy(seed));
    const length = own.publicValue.length;
    for (const wrong of [0, 1, length - 1, length + 1, 2 * length]) {
      const value = new Uint8Array(wrong).fill(5);
      assert.throws(() => own.sharedSecret(value), InvalidKeyExchange);
      assert.throws(() => respondKeyExchange(method, value, seededEntropy(seed)), InvalidKeyExchange);
    }
  });

  test(`${name}: there is no secret after destroy, and no harm in destroying twice`, () => {
    const own = startKeyExchange(method, seededEntropy(seed));
    const peer = startKeyExchange(method, seededEntropy(`${seed} peer`));
    own.destroy();
    own.destroy();
    assert.throws(() => own.sharedSecret(peer.publicValue), TypeError);
  });
}

test("a method that is not supported is our mistake, not the peer's", () => {
  const entropy = seededEntropy(0);
  assert.throws(() => startKeyExchange(KeyExchangeMethod.MODP_1024, entropy), RangeError);
  assert.throws(() => respondKeyExchange(KeyExchangeMethod.NONE, new Uint8Array(1), entropy), RangeError);
  assert.equal(publicValueLength(KeyExchangeMethod.MODP_768), undefined);
});

test("the responder draws nothing for a value of the wrong length", () => {
  const entropy = { bytes: () => assert.fail("entropy was drawn") };
  assert.throws(() => respondKeyExchange(KeyExchangeMethod.MODP_8192, new Uint8Array(3), entropy), InvalidKeyExchange);
});
