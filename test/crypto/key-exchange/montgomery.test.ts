import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidKeyExchange, respondKeyExchange, startKeyExchange } from "../../../src/crypto/key-exchange.ts";
import { KeyExchangeMethod } from "../../../src/wire/iana/index.ts";
import { fromHex, toHex } from "../../../src/wire/octets.ts";
import { fixedEntropy } from "../fixed-entropy.ts";
import { readVectors } from "../vectors.ts";

const { CURVE25519, CURVE448 } = KeyExchangeMethod;

/** RFC 7748 §6.1 and §6.2. */
const DIFFIE_HELLMAN = [
  {
    name: "X25519",
    method: CURVE25519,
    privateI: "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
    publicI: "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    privateR: "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
    publicR: "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    secret: "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
  },
  {
    name: "X448",
    method: CURVE448,
    privateI: "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
    publicI: "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
    privateR: "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
    publicR: "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
    secret: "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d",
  },
];

for (const { name, method, privateI, publicI, privateR, publicR, secret } of DIFFIE_HELLMAN) {
  test(`${name}: both ends of RFC 7748 §6`, () => {
    const initiator = startKeyExchange(method, fixedEntropy(privateI));
    assert.equal(toHex(initiator.publicValue), publicI);
    const responder = respondKeyExchange(method, initiator.publicValue, fixedEntropy(privateR));
    assert.equal(toHex(responder.publicValue), publicR);
    assert.equal(toHex(responder.sharedSecret), secret);
    assert.equal(toHex(initiator.sharedSecret(responder.publicValue)), secret);
  });
}

/** RFC 7748 §5.2. In the second, bit 255 of the u-coordinate is set, which must be ignored. */
const FUNCTION = [
  {
    scalar: "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
    u: "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
    output: "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
  },
  {
    scalar: "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
    u: "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
    output: "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
  },
];

test("X25519 as a function, RFC 7748 §5.2", () => {
  for (const { scalar, u, output } of FUNCTION) {
    assert.equal(toHex(startKeyExchange(CURVE25519, fixedEntropy(scalar)).sharedSecret(fromHex(u))), output);
  }
});

/** Every value whose product with a clamped scalar is zero, in all its encodings. */
const SMALL_ORDER = [
  ...[
    "00".repeat(32),
    "01" + "00".repeat(31),
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ec" + "ff".repeat(30) + "7f",
    "ed" + "ff".repeat(30) + "7f",
    "ee" + "ff".repeat(30) + "7f",
  ].map((value) => ({ method: CURVE25519, value })),
  ...[
    "00".repeat(56),
    "01" + "00".repeat(55),
    "fe" + "ff".repeat(27) + "fe" + "ff".repeat(27),
    "ff".repeat(28) + "fe" + "ff".repeat(27),
    "00".repeat(28) + "ff".repeat(28),
  ].map((value) => ({ method: CURVE448, value })),
];

test("points of small order are refused: the secret would be all zeros (RFC 8031 §5)", () => {
  for (const { method, value } of SMALL_ORDER) {
    const [{ privateI }] = DIFFIE_HELLMAN.filter((vector) => vector.method === method) as [(typeof DIFFIE_HELLMAN)[0]];
    assert.throws(() => startKeyExchange(method, fixedEntropy(privateI)).sharedSecret(fromHex(value)), InvalidKeyExchange, value);
    assert.throws(() => respondKeyExchange(method, fromHex(value), fixedEntropy(privateI)), InvalidKeyExchange, value);
  }
});

interface Wycheproof {
  readonly method: "CURVE25519" | "CURVE448";
  readonly what: string;
  readonly secret: string;
  readonly publicValue: string;
  /** All zeros: no secret may come of it. */
  readonly shared: string;
}

for (const [index, { method: name, what, secret, publicValue, shared }] of readVectors<Wycheproof>("wycheproof-xdh.json").entries()) {
  test(`${name}: ${what === "" ? "random keys" : what}, Wycheproof ${index}`, () => {
    const exchange = startKeyExchange(KeyExchangeMethod[name], fixedEntropy(secret));
    if (/^0+$/.test(shared)) assert.throws(() => exchange.sharedSecret(fromHex(publicValue)), InvalidKeyExchange);
    else assert.equal(toHex(exchange.sharedSecret(fromHex(publicValue))), shared);
  });
}
