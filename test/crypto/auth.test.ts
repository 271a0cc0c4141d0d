import assert from "node:assert/strict";
import { test } from "node:test";
import { constantTimeEqual, pskAuth, signedOctets } from "../../src/crypto/auth.ts";
import { prfFor } from "../../src/crypto/prf.ts";
import { Prf } from "../../src/wire/iana/index.ts";
import { concat, fromHex, toHex } from "../../src/wire/octets.ts";
import { readVectors } from "./vectors.ts";

interface AuthVector {
  readonly name: string;
  readonly hash: string;
  /** Taken for the shared secret. */
  readonly gir: string;
  /** Taken for the signed octets. */
  readonly ikeKeymat: string;
  readonly pskAuth: string;
}

const PRF_IDS: ReadonlyMap<string, number> = new Map([
  ["sha256", Prf.PRF_HMAC_SHA2_256],
  ["sha384", Prf.PRF_HMAC_SHA2_384],
  ["sha512", Prf.PRF_HMAC_SHA2_512],
]);

const vectors = readVectors<AuthVector>("ike-keys.json").filter(({ hash }) => PRF_IDS.has(hash));

test("AUTH by shared secret agrees with an independent computation", () => {
  assert.equal(vectors.length, 3);
  for (const { name, hash, gir, ikeKeymat, pskAuth: expected } of vectors) {
    const prf = prfFor(PRF_IDS.get(hash)!)!;
    assert.equal(toHex(pskAuth(prf, fromHex(gir), fromHex(ikeKeymat))), expected, name);
  }
});

test("the signed octets are message, the other end's nonce, and the MACed identity (RFC 7296 §2.15)", () => {
  const prf = prfFor(Prf.PRF_HMAC_SHA2_256)!;
  const message = fromHex("0102");
  const nonce = fromHex("0304");
  const skP = fromHex("05");
  const idPayloadBody = fromHex("0200000061");
  const expected = concat(message, nonce, prf.compute(skP, idPayloadBody));
  const inputs = { message, nonce, prf, skP, idPayloadBody };
  assert.deepEqual(signedOctets({ ...inputs, intAuth: new Uint8Array(0) }), expected);
  const intAuth = Uint8Array.of(1, 2, 3);
  assert.deepEqual(signedOctets({ ...inputs, intAuth }), concat(expected, intAuth), "RFC 9242 §3.3.2");
});

test("constant-time comparison compares", () => {
  assert.equal(constantTimeEqual(fromHex("010203"), fromHex("010203")), true);
  assert.equal(constantTimeEqual(fromHex("010203"), fromHex("010202")), false);
  assert.equal(constantTimeEqual(fromHex("010203"), fromHex("0102")), false, "lengths may differ without an exception");
  assert.equal(constantTimeEqual(new Uint8Array(0), new Uint8Array(0)), true);
});
