/** Project Wycheproof's signatures: what is no DER, out of range or an edge case must be told from what is right, as AUTH carries it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { verifySignature, VerificationKey } from "../../../src/crypto/signature.ts";
import { SCHEMES } from "../../../src/crypto/signature/schemes.ts";
import { concat, fromHex } from "../../../src/wire/octets.ts";
import { bitString, oid, sequence } from "../../pki/support/der-writer.ts";
import { readVectors } from "../vectors.ts";

interface Wycheproof {
  readonly curve: keyof typeof CURVES;
  readonly what: string;
  /** Of the public key: numbers in hexadecimal digits. */
  readonly x: string;
  readonly y: string;
  readonly message: string;
  readonly signature: string;
  readonly valid: boolean;
}

const CURVES = {
  "P-256": { oid: "1.2.840.10045.3.1.7", octets: 32, scheme: "ECDSA with SHA2-256" },
  "P-384": { oid: "1.3.132.0.34", octets: 48, scheme: "ECDSA with SHA2-384" },
  "P-521": { oid: "1.3.132.0.35", octets: 66, scheme: "ECDSA with SHA2-512" },
} as const;

function keyOf({ curve, x, y }: Wycheproof): VerificationKey {
  const coordinate = (digits: string): Uint8Array => fromHex(digits.padStart(2 * CURVES[curve].octets, "0"));
  const point = concat(Uint8Array.of(4), coordinate(x), coordinate(y));
  return VerificationKey.fromSpki(sequence(sequence(oid("1.2.840.10045.2.1"), oid(CURVES[curve].oid)), bitString(point)));
}

for (const [index, vector] of readVectors<Wycheproof>("wycheproof-ecdsa.json").entries()) {
  test(`${vector.curve}: ${vector.what}, Wycheproof ${index}`, () => {
    const identifier = SCHEMES.find(({ name }) => name === CURVES[vector.curve].scheme)?.identifiers[0];
    assert.ok(identifier !== undefined);
    const { valid } = verifySignature(keyOf(vector), identifier, fromHex(vector.message), fromHex(vector.signature));
    assert.equal(valid, vector.valid);
  });
}
