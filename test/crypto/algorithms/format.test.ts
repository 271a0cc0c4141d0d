import assert from "node:assert/strict";
import { test } from "node:test";
import { KEYWORDS, formatProposal } from "../../../src/crypto/algorithms.ts";
import { EncryptionAlgorithm, KeyExchangeMethod, TransformType } from "../../../src/wire/iana/index.ts";

test("every transform that can be configured is printed with its keyword", () => {
  for (const { keyword, transform } of KEYWORDS) assert.equal(formatProposal({ transforms: [transform] }), keyword);
});

test("what a peer offers and has no keyword here is printed with IANA's name", () => {
  const transforms = [
    { type: TransformType.ENCR, id: EncryptionAlgorithm.ENCR_CAMELLIA_CBC, keyLength: 256 },
    { type: TransformType.KE, id: KeyExchangeMethod.MODP_1024 },
    { type: TransformType.PRF, id: 60_000 },
    { type: TransformType.ADDKE1, id: KeyExchangeMethod.GOST3410_2012_512 },
    { type: 240, id: 1 },
  ];
  assert.equal(formatProposal({ transforms }), "ENCR_CAMELLIA_CBC_256-MODP_1024-unknown(60000)-ADDKE1_GOST3410_2012_512-unknown(240):1");
});

test("a transform with another key length, or with an attribute that we do not know, is not ours", () => {
  const gcm = { type: TransformType.ENCR, id: EncryptionAlgorithm.ENCR_AES_GCM_16 };
  assert.equal(formatProposal({ transforms: [gcm] }), "ENCR_AES_GCM_16");
  const strange = { ...gcm, keyLength: 128, attributes: [{ type: 1, value: 2 }] };
  assert.equal(formatProposal({ transforms: [strange] }), "ENCR_AES_GCM_16_128");
});
