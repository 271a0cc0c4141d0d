import assert from "node:assert/strict";
import { test } from "node:test";
import { SigningKey, VerificationKey } from "../../../src/crypto/signature/keys.ts";
import { chooseScheme, schemeOfIdentifier, SCHEMES, type SignatureScheme } from "../../../src/crypto/signature/schemes.ts";
import { HashAlgorithm } from "../../../src/wire/iana/index.ts";
import { concat, fromHex, toHex } from "../../../src/wire/octets.ts";
import { readVectors } from "../vectors.ts";
import { KINDS } from "./fresh-keys.ts";

interface RsaVector {
  readonly name: string;
  readonly pkcs8: string;
  readonly spki: string;
  readonly message: string;
  readonly identifier: string;
  readonly signature: string;
}

const RSA_VECTORS = readVectors<RsaVector>("signatures.json");

const schemeNamed = (name: string): SignatureScheme => {
  const scheme = SCHEMES.find((one) => one.name === name);
  assert.ok(scheme !== undefined, name);
  return scheme;
};

/** RFC 8032 §7.1 TEST 3 and §7.4 "1 octet". DER around the raw keys: RFC 8410 §7 and §4. */
const EDWARDS_VECTORS = [
  {
    name: "Ed25519",
    pkcs8: "302e020100300506032b657004220420" + "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    spki: "302a300506032b6570032100" + "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    message: "af82",
    identifier: "300506032b6570",
    signature:
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac" +
      "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  },
  {
    name: "Ed448",
    pkcs8:
      "3047020100300506032b6571043b0439" +
      "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e",
    spki:
      "3043300506032b6571033a00" +
      "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a9480",
    message: "03",
    identifier: "300506032b6571",
    signature:
      "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779" +
      "805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c0" +
      "3a00",
  },
] as const;

test("signatures made elsewhere verify under the scheme that their AlgorithmIdentifier names", () => {
  for (const { name, spki, message, identifier, signature } of [...RSA_VECTORS, ...EDWARDS_VECTORS]) {
    const scheme = schemeOfIdentifier(fromHex(identifier));
    assert.equal(scheme?.name, name);
    const key = VerificationKey.fromSpki(fromHex(spki));
    assert.equal(key.verify(scheme, fromHex(message), fromHex(signature)), true, name);
    assert.equal(key.verify(scheme, concat(fromHex(message), fromHex("00")), fromHex(signature)), false, `${name}: another message`);
    for (const other of SCHEMES.filter((one) => one !== scheme)) {
      assert.equal(key.verify(other, fromHex(message), fromHex(signature)), false, `${name} is not ${other.name}`);
    }
  }
});

test("deterministic schemes sign to the octet as published", () => {
  const deterministic = [...RSA_VECTORS.filter(({ name }) => name.includes("v1_5")), ...EDWARDS_VECTORS];
  assert.equal(deterministic.length, 5);
  for (const { name, pkcs8, message, signature } of deterministic) {
    const key = SigningKey.fromPkcs8(fromHex(pkcs8));
    assert.equal(toHex(key.sign(schemeNamed(name), fromHex(message))), signature, name);
  }
});

test("RSASSA-PSS draws a salt for each signature", () => {
  const { pkcs8, message } = RSA_VECTORS[0]!;
  const key = SigningKey.fromPkcs8(fromHex(pkcs8));
  const scheme = schemeNamed("RSASSA-PSS with SHA2-256");
  const [first, second] = [key.sign(scheme, fromHex(message)), key.sign(scheme, fromHex(message))];
  assert.notEqual(toHex(first), toHex(second));
  assert.ok(key.publicKey.verify(scheme, fromHex(message), first) && key.publicKey.verify(scheme, fromHex(message), second));
});

test("AlgorithmIdentifiers are those of RFC 7427 appendix A and RFC 8420 appendix A", () => {
  const sent = new Map(SCHEMES.map(({ name, identifiers }) => [name, toHex(identifiers[0]!)]));
  assert.deepEqual(Object.fromEntries(sent), {
    Ed25519: "300506032b6570",
    Ed448: "300506032b6571",
    "ECDSA with SHA2-256": "300a06082a8648ce3d040302",
    "ECDSA with SHA2-384": "300a06082a8648ce3d040303",
    "ECDSA with SHA2-512": "300a06082a8648ce3d040304",
    "RSASSA-PSS with SHA2-256":
      "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120",
    "RSASSA-PSS with SHA2-384":
      "304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130",
    "RSASSA-PSS with SHA2-512":
      "304106092a864886f70d01010a3034a00f300d06096086480165030402030500a11c301a06092a864886f70d010108300d06096086480165030402030500a203020140",
    "RSASSA-PKCS1-v1_5 with SHA2-256": "300d06092a864886f70d01010b0500",
    "RSASSA-PKCS1-v1_5 with SHA2-384": "300d06092a864886f70d01010c0500",
    "RSASSA-PKCS1-v1_5 with SHA2-512": "300d06092a864886f70d01010d0500",
  });
});

test("identifiers are understood with and without the parameters that may be absent", () => {
  // As OpenSSL writes RSASSA-PSS into certificates: no parameters of the hashes, no trailerField.
  const openssl =
    "303d06092a864886f70d01010a3030a00d300b0609608648016503040201a11a301806092a864886f70d010108300b0609608648016503040201a203020120";
  assert.equal(schemeOfIdentifier(fromHex(openssl))?.name, "RSASSA-PSS with SHA2-256");
  assert.equal(schemeOfIdentifier(fromHex("300b06092a864886f70d01010b"))?.name, "RSASSA-PKCS1-v1_5 with SHA2-256");
});

test("algorithms that RFC 8247 forbids have no scheme", () => {
  const forbidden = {
    sha1WithRSAEncryption: "300d06092a864886f70d0101050500",
    "ecdsa-with-sha1": "300906072a8648ce3d0401",
    "RSASSA-PSS with empty parameters": "300d06092a864886f70d01010a3000",
    "RSASSA-PSS with a salt of 20 octets":
      "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020114",
    nothing: "",
  };
  for (const [name, identifier] of Object.entries(forbidden)) assert.equal(schemeOfIdentifier(fromHex(identifier)), undefined, name);
});

test("the hash is as strong as the key if the peer knows it, else the next best", () => {
  const { SHA1, SHA2_256, SHA2_384, SHA2_512, IDENTITY } = HashAlgorithm;
  const everything = [SHA1, SHA2_256, SHA2_384, SHA2_512, IDENTITY];
  const chosen = KINDS.map((kind) => chooseScheme(kind, everything, "pss")?.name);
  assert.deepEqual(chosen, [
    "RSASSA-PSS with SHA2-256",
    "ECDSA with SHA2-256",
    "ECDSA with SHA2-384",
    "ECDSA with SHA2-512",
    "Ed25519",
    "Ed448",
  ]);
  assert.equal(chooseScheme("ecdsa-p384", [SHA2_256, SHA2_512], "pss")?.name, "ECDSA with SHA2-512");
  assert.equal(chooseScheme("ecdsa-p521", [SHA2_256], "pss")?.name, "ECDSA with SHA2-256");
  assert.equal(chooseScheme("rsa", [SHA2_512], "pkcs1")?.name, "RSASSA-PKCS1-v1_5 with SHA2-512");
  assert.equal(chooseScheme("rsa", [SHA1, IDENTITY], "pss"), undefined);
  assert.equal(chooseScheme("ed25519", [SHA2_256, SHA2_512], "pss"), undefined);
});
