import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SIGNATURE_HASHES, signAuth, verifyAuth, VerificationKey, type AuthVerdict, type KeyKind } from "../../src/crypto/signature.ts";
import { AuthenticationMethod, HashAlgorithm } from "../../src/wire/iana/index.ts";
import { concat, fromHex } from "../../src/wire/octets.ts";
import { ABC, ECDSA_VECTORS } from "./signature/ecdsa-vectors.ts";
import { KINDS, signingKey } from "./signature/fresh-keys.ts";
import { readVectors } from "./vectors.ts";

const OCTETS = new TextEncoder().encode("RealMessage1 | NonceRData | MACedIDForI");
const { RSA_DIGITAL_SIGNATURE, SHARED_KEY_MIC, ECDSA_SHA256_P256, ECDSA_SHA384_P384, ECDSA_SHA512_P521, DIGITAL_SIGNATURE } =
  AuthenticationMethod;

const OLDER_METHOD: Readonly<Record<KeyKind, number | undefined>> = {
  rsa: RSA_DIGITAL_SIGNATURE,
  "ecdsa-p256": ECDSA_SHA256_P256,
  "ecdsa-p384": ECDSA_SHA384_P384,
  "ecdsa-p521": ECDSA_SHA512_P521,
  ed25519: undefined,
  ed448: undefined,
};

const refusal = (verdict: AuthVerdict): string => {
  if (verdict.valid) assert.fail("verified");
  return verdict.reason;
};

describe("AUTH by signature", () => {
  for (const { name, method, kind, spki, signature } of ECDSA_VECTORS) {
    it(`verifies the signature of ${name}`, () => {
      const key = VerificationKey.fromSpki(spki);
      assert.equal(key.kind, kind);
      assert.equal(verifyAuth({ key, method, data: signature, octets: ABC }).valid, true);
      assert.equal(refusal(verifyAuth({ key, method, data: signature, octets: OCTETS })), "the signature is wrong");
    });
  }

  it("tries the hashes that an RSA signature of method 1 may hide", () => {
    interface RsaVector {
      readonly name: string;
      readonly spki: string;
      readonly message: string;
      readonly signature: string;
    }
    for (const { name, spki, message, signature } of readVectors<RsaVector>("signatures.json")) {
      const key = VerificationKey.fromSpki(fromHex(spki));
      const verdict = verifyAuth({ key, method: RSA_DIGITAL_SIGNATURE, data: fromHex(signature), octets: fromHex(message) });
      assert.deepEqual(verdict, name.includes("v1_5") ? { valid: true, scheme: name } : { valid: false, reason: "the signature is wrong" });
    }
  });

  it("is a Digital Signature for a peer that announced hashes, and verifies", () => {
    for (const kind of KINDS) {
      const key = signingKey(kind);
      const auth = signAuth({ key, octets: OCTETS, peerHashes: SIGNATURE_HASHES });
      assert.equal(auth?.method, DIGITAL_SIGNATURE, kind);
      const verdict = verifyAuth({ key: key.publicKey, ...auth, octets: OCTETS });
      assert.ok(verdict.valid, kind);
      assert.match(verdict.scheme, /^(RSASSA-PSS|ECDSA|Ed)/);
    }
  });

  it("pads RSA as PKCS#1 v1.5 where that is asked for", () => {
    const key = signingKey("rsa");
    const auth = signAuth({ key, octets: OCTETS, peerHashes: SIGNATURE_HASHES, rsaPadding: "pkcs1" })!;
    assert.deepEqual(verifyAuth({ key: key.publicKey, ...auth, octets: OCTETS }), {
      valid: true,
      scheme: "RSASSA-PKCS1-v1_5 with SHA2-256",
    });
  });

  for (const [peer, peerHashes] of [
    ["that announced no hashes", undefined],
    ["that announced SHA-1 alone", [HashAlgorithm.SHA1]],
  ] as const) {
    it(`is by the older method for a peer ${peer}, and verifies`, () => {
      for (const kind of KINDS) {
        const key = signingKey(kind);
        const auth = signAuth({ key, octets: OCTETS, peerHashes });
        assert.equal(auth?.method, OLDER_METHOD[kind], kind);
        if (auth !== undefined) assert.equal(verifyAuth({ key: key.publicKey, ...auth, octets: OCTETS }).valid, true, kind);
      }
    });
  }

  it("does not verify under another key or over other octets", () => {
    for (const kind of KINDS) {
      const auth = signAuth({ key: signingKey(kind), octets: OCTETS, peerHashes: SIGNATURE_HASHES })!;
      for (const other of KINDS.filter((one) => one !== kind)) {
        assert.equal(verifyAuth({ key: signingKey(other).publicKey, ...auth, octets: OCTETS }).valid, false, `${kind} under ${other}`);
      }
      const tampered = concat(OCTETS.subarray(1), OCTETS.subarray(0, 1));
      assert.equal(refusal(verifyAuth({ key: signingKey(kind).publicKey, ...auth, octets: tampered })), "the signature is wrong");
    }
  });

  it("says why it does not verify, in words for the log", () => {
    const key = signingKey("ecdsa-p256").publicKey;
    const verify = (method: number, data: string): string => refusal(verifyAuth({ key, method, data: fromHex(data), octets: OCTETS }));
    assert.equal(verify(SHARED_KEY_MIC, "00"), "authentication method SHARED_KEY_MIC is no signature that is supported");
    assert.equal(verify(240, "00"), "authentication method unknown(240) is no signature that is supported");
    assert.equal(
      verify(RSA_DIGITAL_SIGNATURE, "00"),
      "authentication method RSA_DIGITAL_SIGNATURE does not go with a key of kind ecdsa-p256",
    );
    assert.equal(verify(DIGITAL_SIGNATURE, ""), "the digital signature is cut short");
    assert.equal(verify(DIGITAL_SIGNATURE, "0f300d06092a864886f70d0101050500c0"), "the signature is of an algorithm that is not supported");
    assert.equal(
      verify(DIGITAL_SIGNATURE, "0f300d06092a864886f70d01010b0500c0"),
      "RSASSA-PKCS1-v1_5 with SHA2-256 does not go with a key of kind ecdsa-p256",
    );
    assert.equal(verify(DIGITAL_SIGNATURE, "0c300a06082a8648ce3d040302c0"), "the signature is wrong");
  });
});
