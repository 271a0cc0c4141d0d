import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidKeyExchange, publicValueLength, respondKeyExchange, startKeyExchange } from "../../../src/crypto/key-exchange.ts";
import { seededEntropy } from "../../../src/crypto/entropy.ts";
import { KeyExchangeMethod } from "../../../src/wire/iana/index.ts";
import { Reader, Writer, toHex } from "../../../src/wire/octets.ts";
import { fixedEntropy } from "../fixed-entropy.ts";

/** RFC 3526 §3 to §7: p = 2^bits - 2^(bits-64) - 1 + 2^64 * (floor(2^(bits-130) * pi) + offset). */
const GROUPS = [
  { method: KeyExchangeMethod.MODP_2048, bits: 2048, offset: 124_476n, exponentLength: 40 },
  { method: KeyExchangeMethod.MODP_3072, bits: 3072, offset: 1_690_314n, exponentLength: 53 },
  { method: KeyExchangeMethod.MODP_4096, bits: 4096, offset: 240_904n, exponentLength: 60 },
  { method: KeyExchangeMethod.MODP_6144, bits: 6144, offset: 929_484n, exponentLength: 68 },
  { method: KeyExchangeMethod.MODP_8192, bits: 8192, offset: 4_743_158n, exponentLength: 78 },
];

for (const { method, bits, offset, exponentLength } of GROUPS) {
  const prime = primeOf(bits, offset);
  const length = bits / 8;

  test(`MODP-${bits}: public value and secret are powers modulo the prime of RFC 3526, as long as the prime`, () => {
    const entropy = seededEntropy(`modp ${bits}`);
    const [x, y] = [withTopBit(entropy.bytes(exponentLength)), withTopBit(entropy.bytes(exponentLength))];
    const initiator = startKeyExchange(method, fixedEntropy(toHex(x)));
    const responder = respondKeyExchange(method, initiator.publicValue, fixedEntropy(toHex(y)));
    const secret = power(power(2n, numberOf(x), prime), numberOf(y), prime);
    assert.deepEqual(initiator.publicValue, octetsOf(power(2n, numberOf(x), prime), length));
    assert.deepEqual(responder.publicValue, octetsOf(power(2n, numberOf(y), prime), length));
    assert.deepEqual(responder.sharedSecret, octetsOf(secret, length));
    assert.deepEqual(initiator.sharedSecret(responder.publicValue), octetsOf(secret, length));
    assert.equal(publicValueLength(method), length);
  });

  test(`MODP-${bits}: 0, 1, p - 1, p and more are refused, 2 and p - 2 are not (RFC 6989 §2.1)`, () => {
    const own = startKeyExchange(method, seededEntropy(bits));
    for (const value of [0n, 1n, prime - 1n, prime, prime + 1n, (1n << BigInt(bits)) - 1n]) {
      assert.throws(() => own.sharedSecret(octetsOf(value, length)), InvalidKeyExchange);
      const respond = () => respondKeyExchange(method, octetsOf(value, length), fixedEntropy());
      assert.throws(respond, InvalidKeyExchange, "before anything is drawn for it");
    }
    assert.deepEqual(own.sharedSecret(octetsOf(2n, length)), own.publicValue, "2 is the generator");
    assert.equal(own.sharedSecret(octetsOf(prime - 2n, length)).length, length);
  });
}

test("leading zeros are kept: public values and secrets have the length of the prime (RFC 7296 §2.14, §3.4)", () => {
  const own = startKeyExchange(KeyExchangeMethod.MODP_2048, seededEntropy("41"));
  assert.equal(own.publicValue[0], 0, "this seed's public value begins with a zero octet");
  assert.equal(own.publicValue.length, 256);
  const secret = own.sharedSecret(octetsOf(2n, 256));
  assert.equal(secret.length, 256);
  assert.deepEqual(secret, own.publicValue);
});

test("the first bit of an exponent is always set, so that its length tells nothing", () => {
  const exponent = new Uint8Array(40);
  const own = startKeyExchange(KeyExchangeMethod.MODP_2048, fixedEntropy(toHex(exponent)));
  const prime = primeOf(2048, 124_476n);
  assert.deepEqual(own.publicValue, octetsOf(power(2n, 1n << 319n, prime), 256));
});

function primeOf(bits: number, offset: bigint): bigint {
  const n = BigInt(bits);
  return (1n << n) - (1n << (n - 64n)) - 1n + ((floorOfPi(n - 130n) + offset) << 64n);
}

/** floor(2^bits * pi), by Machin's formula with 64 bits to spare. */
function floorOfPi(bits: bigint): bigint {
  const one = 1n << (bits + 64n);
  return (16n * inverseArctangent(5n, one) - 4n * inverseArctangent(239n, one)) >> 64n;
}

/** one * arctan(1 / x). */
function inverseArctangent(x: bigint, one: bigint): bigint {
  let term = one / x;
  let sum = term;
  for (let n = 3n, sign = -1n; term !== 0n; n += 2n, sign = -sign) {
    term /= x * x;
    sum += (sign * term) / n;
  }
  return sum;
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let bit = BigInt(exponent.toString(2).length) - 1n; bit >= 0n; bit--) {
    result = (result * result) % modulus;
    if ((exponent >> bit) & 1n) result = (result * base) % modulus;
  }
  return result;
}

const numberOf = (octets: Uint8Array): bigint => new Reader(octets).unsigned(octets.length);
const octetsOf = (value: bigint, length: number): Uint8Array => new Uint8Array(new Writer(length).unsigned(value, length).finish());

function withTopBit(octets: Uint8Array): Uint8Array {
  octets[0]! |= 0x80;
  return octets;
}
