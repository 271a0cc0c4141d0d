/** The table against the code behind it and against the RFCs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KEYWORDS, type AlgorithmKeyword } from "../../../src/crypto/algorithms.ts";
import { refusalOf } from "../../../src/crypto/algorithms/refused.ts";
import { ikeCipherFor } from "../../../src/crypto/ike-cipher.ts";
import { supportedKeyExchanges } from "../../../src/crypto/key-exchange.ts";
import { prfFor } from "../../../src/crypto/prf.ts";
import { ESP_CIPHERS } from "../../../src/ipsec/esp-cipher.ts";
import { IntegrityAlgorithm, TransformType } from "../../../src/wire/iana/index.ts";

const ofType = (type: number): AlgorithmKeyword[] => KEYWORDS.filter(({ transform }) => transform.type === type);

test("a keyword and its aliases name one thing, and never one that is refused", () => {
  const names = KEYWORDS.flatMap(({ keyword, aliases }) => [keyword, ...aliases]);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.equal(refusalOf(name), undefined, name);
});

test("no two keywords stand for one transform", () => {
  const transforms = KEYWORDS.map(({ transform: { type, id, keyLength } }) => `${type} ${id} ${keyLength ?? ""}`);
  assert.equal(new Set(transforms).size, transforms.length);
});

test("whatever can be configured for IKE is implemented", () => {
  const integrity = { id: IntegrityAlgorithm.AUTH_HMAC_SHA2_256_128 };
  for (const { keyword, transform, isAead } of ofType(TransformType.ENCR)) {
    assert.notEqual(ikeCipherFor(transform, isAead ? undefined : integrity), undefined, keyword);
    assert.equal(
      ikeCipherFor(transform, isAead ? integrity : undefined),
      undefined,
      `${keyword} takes integrity if and only if it is no AEAD`,
    );
  }
  const [cipher] = ofType(TransformType.ENCR).filter(({ isAead }) => !isAead);
  for (const { keyword, transform } of ofType(TransformType.INTEG)) {
    assert.notEqual(ikeCipherFor(cipher!.transform, transform), undefined, keyword);
  }
  for (const { keyword, transform } of ofType(TransformType.PRF)) assert.notEqual(prfFor(transform.id), undefined, keyword);
  const exchanges = ofType(TransformType.KE).map(({ transform }) => transform.id);
  assert.deepEqual(exchanges, supportedKeyExchanges(), "both lists, in the same order");
});

test("whatever can be configured for ESP is a cipher of the data plane, and the other way round", () => {
  const forEsp = (type: number): AlgorithmKeyword[] => ofType(type).filter(({ esp }) => esp !== undefined);
  const names = forEsp(TransformType.ENCR).flatMap(({ keyword, isAead }) =>
    isAead ? [keyword] : forEsp(TransformType.INTEG).map((integrity) => `${keyword}-${integrity.keyword}`),
  );
  assert.deepEqual(names.sort(), ESP_CIPHERS.map(({ name }) => name).sort());
});

test("only prfs have no place in ESP proposals, and only sequence numbers none in IKE proposals", () => {
  for (const { keyword, transform, ike, esp } of KEYWORDS) {
    assert.equal(esp === undefined, transform.type === TransformType.PRF, keyword);
    assert.equal(ike === undefined, transform.type === TransformType.ESN, keyword);
  }
});

test("what RFC 8221 makes mandatory for ESP can be configured", () => {
  const mandatory = KEYWORDS.filter(({ esp, transform }) => esp === "MUST" && transform.type !== TransformType.KE);
  assert.deepEqual(
    mandatory.map(({ keyword }) => keyword),
    ["aes128gcm16", "aes256gcm16", "aes128", "aes256", "sha256"],
  );
});

test("what RFC 8247 makes mandatory for IKE can be configured, and what it forbids is refused as such", () => {
  const mandatory = KEYWORDS.filter(({ ike }) => ike === "MUST").map(({ keyword }) => keyword);
  assert.deepEqual(mandatory, ["aes128", "aes256", "sha256", "prfsha256", "modp2048"]);
  for (const forbidden of ["des", "blowfish", "md5", "prfmd5", "modp768", "modp1024s160"]) {
    assert.match(refusalOf(forbidden)!, /must not/, forbidden);
  }
});
