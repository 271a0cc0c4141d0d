import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { InvalidKey, SigningKey, VerificationKey } from "../../../src/crypto/signature/keys.ts";
import { SCHEMES } from "../../../src/crypto/signature/schemes.ts";
import { toHex } from "../../../src/wire/octets.ts";
import { ecPair, KINDS, PAIRS, rsaPair, signingKey } from "./fresh-keys.ts";

const OCTETS = new TextEncoder().encode("octets to sign");

const refused = (read: () => unknown, sentence: RegExp): void =>
  assert.throws(read, (error) => {
    assert.ok(error instanceof InvalidKey, String(error));
    assert.match(error.message, sentence);
    return true;
  });

test("a key pair of each kind is read, and its halves belong together", () => {
  for (const kind of KINDS) {
    const signing = signingKey(kind);
    const verification = VerificationKey.fromPem(PAIRS[kind].publicKey);
    assert.equal(signing.kind, kind);
    assert.equal(verification.kind, kind);
    assert.equal(toHex(signing.publicKey.spki()), toHex(verification.spki()));
    assert.equal(toHex(VerificationKey.fromSpki(verification.spki()).spki()), toHex(verification.spki()));
    for (const scheme of SCHEMES.filter(({ keyKinds }) => keyKinds.includes(kind))) {
      assert.equal(verification.verify(scheme, OCTETS, signing.sign(scheme, OCTETS)), true, `${kind}, ${scheme.name}`);
    }
  }
});

test("DER is read from the middle of an array too", () => {
  const der = signingKey("ecdsa-p256").publicKey.spki();
  const padded = new Uint8Array(der.length + 7);
  padded.set(der, 5);
  assert.equal(VerificationKey.fromSpki(padded.subarray(5, 5 + der.length)).kind, "ecdsa-p256");
});

test("the older forms of RSA and EC private keys are read", () => {
  const rsa = createPrivateKey(PAIRS.rsa.privateKey).export({ type: "pkcs1", format: "pem" }) as string;
  assert.match(rsa, /BEGIN RSA PRIVATE KEY/);
  assert.equal(SigningKey.fromPem(rsa).kind, "rsa");
  const ec = createPrivateKey(PAIRS["ecdsa-p384"].privateKey).export({ type: "sec1", format: "pem" }) as string;
  assert.match(ec, /BEGIN EC PRIVATE KEY/);
  assert.equal(SigningKey.fromPem(ec).kind, "ecdsa-p384");
});

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);

test("an encrypted private key wants its passphrase", () => {
  for (const type of ["pkcs8", "sec1"] as const) {
    const key = createPrivateKey(PAIRS["ecdsa-p256"].privateKey);
    const encrypted = key.export({ type, format: "pem", cipher: "aes-256-cbc", passphrase: "hawser" }) as string;
    assert.equal(SigningKey.fromPem(encrypted, octets("hawser")).kind, "ecdsa-p256");
    refused(() => SigningKey.fromPem(encrypted), /is encrypted; give its passphrase\.$/);
    refused(() => SigningKey.fromPem(encrypted, octets("hawsers")), /its passphrase is wrong, or it is damaged, or encrypted in a way/);
  }
});

test("ECDSA is written as DER or as r | s at fixed width, and neither passes for the other", () => {
  const ecdsa = SCHEMES.filter(({ name }) => name.startsWith("ECDSA"));
  for (const [kind, width] of [
    ["ecdsa-p256", 64],
    ["ecdsa-p384", 96],
    ["ecdsa-p521", 132],
  ] as const) {
    const key = signingKey(kind);
    for (const scheme of ecdsa) {
      const [der, raw] = [key.sign(scheme, OCTETS, "der"), key.sign(scheme, OCTETS, "raw")];
      assert.equal(raw.length, width);
      assert.equal(der[0], 0x30);
      assert.equal(key.publicKey.verify(scheme, OCTETS, raw, "raw"), true);
      assert.equal(key.publicKey.verify(scheme, OCTETS, raw, "der"), false);
      assert.equal(key.publicKey.verify(scheme, OCTETS, der, "raw"), false);
    }
  }
});

test("no bit of a signature may be changed, and no octet be missing or more", () => {
  for (const kind of KINDS) {
    const key = signingKey(kind);
    const scheme = SCHEMES.find(({ keyKinds }) => keyKinds.includes(kind))!;
    const signature = key.sign(scheme, OCTETS);
    for (let at = 0; at < signature.length; at++) {
      const changed = Uint8Array.from(signature);
      changed[at]! ^= 1 << (at % 8);
      assert.equal(key.publicKey.verify(scheme, OCTETS, changed), false, `${kind}, octet ${at}`);
    }
    for (const length of [0, 1, signature.length - 1]) {
      assert.equal(key.publicKey.verify(scheme, OCTETS, signature.subarray(0, length)), false, `${kind}, ${length} octets`);
    }
    assert.equal(key.publicKey.verify(scheme, OCTETS, Uint8Array.of(...signature, 0)), false, `${kind}, one octet more`);
  }
});

test("a scheme of another kind of key signs nothing and verifies nothing", () => {
  for (const kind of KINDS) {
    const key = signingKey(kind);
    for (const scheme of SCHEMES.filter(({ keyKinds }) => !keyKinds.includes(kind))) {
      assert.throws(() => key.sign(scheme, OCTETS), RangeError);
      assert.equal(key.publicKey.verify(scheme, OCTETS, new Uint8Array(256)), false);
    }
  }
});

test("keys that are unfit for IKE are refused in words", () => {
  refused(() => SigningKey.fromPem(rsaPair(1024).privateKey), /RSA key has 1024 bits; use one with at least 2048\.$/);
  refused(() => VerificationKey.fromPem(rsaPair(1024).publicKey), /RSA key has 1024 bits/);
  refused(() => SigningKey.fromPem(ecPair("secp256k1").privateKey), /curve secp256k1; use P-256, P-384 or P-521\.$/);
  const x25519 = generateKeyPairSync("x25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  refused(() => SigningKey.fromPem(x25519), /type x25519 does not sign in IKE/);
});

test("what is no key is refused in words", () => {
  refused(() => SigningKey.fromPem(PAIRS.ed25519.publicKey), /not a PEM file with BEGIN PRIVATE KEY\.$/);
  refused(() => VerificationKey.fromPem(PAIRS.ed25519.privateKey), /not a PEM file with BEGIN PUBLIC KEY\.$/);
  refused(() => SigningKey.fromPem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), /private key cannot be read/);
  refused(() => VerificationKey.fromPem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), /public key cannot be read/);
  refused(() => SigningKey.fromPkcs8(new Uint8Array(0)), /private key cannot be read/);
  refused(() => VerificationKey.fromSpki(Uint8Array.of(0x30, 0x80)), /public key cannot be read/);
});
