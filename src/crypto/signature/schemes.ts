/** The one table of signature schemes: what each is called, which keys it takes, and how it is announced. SHA-1 is in none (RFC 8247 §3.2). */
import { HashAlgorithm } from "../../wire/iana/index.ts";
import { equalOctets } from "../../wire/octets.ts";
import { ecdsaIdentifiers, edwardsIdentifiers, rsaPkcs1Identifiers, rsaPssIdentifiers, type Sha2 } from "./algorithm-identifier.ts";

export type KeyKind = "rsa" | "ecdsa-p256" | "ecdsa-p384" | "ecdsa-p521" | "ed25519" | "ed448";

export interface SignatureScheme {
  /** For logs: "RSASSA-PSS with SHA2-256". */
  readonly name: string;
  readonly keyKinds: readonly KeyKind[];
  /** IANA hash algorithm, by which SIGNATURE_HASH_ALGORITHMS announces it. IDENTITY for EdDSA (RFC 8420 §2). */
  readonly hash: number;
  /** OpenSSL's name of the hash; undefined where the scheme hashes by itself. */
  readonly digest: Sha2 | undefined;
  readonly rsaPadding: "pss" | "pkcs1" | undefined;
  /** DER of its AlgorithmIdentifier in every spelling that is accepted, the one to send first. */
  readonly identifiers: readonly Uint8Array[];
}

const HASHES: readonly { readonly digest: Sha2; readonly hash: number; readonly title: string; readonly length: number }[] = [
  { digest: "sha256", hash: HashAlgorithm.SHA2_256, title: "SHA2-256", length: 32 },
  { digest: "sha384", hash: HashAlgorithm.SHA2_384, title: "SHA2-384", length: 48 },
  { digest: "sha512", hash: HashAlgorithm.SHA2_512, title: "SHA2-512", length: 64 },
];

const PSS: readonly SignatureScheme[] = HASHES.map(({ digest, hash, title, length }) => ({
  name: `RSASSA-PSS with ${title}`,
  keyKinds: ["rsa"],
  hash,
  digest,
  rsaPadding: "pss",
  identifiers: rsaPssIdentifiers(digest, length),
}));

/** RSASSA-PKCS1-v1_5: also the only scheme of authentication method 1, where no AlgorithmIdentifier tells the hash. */
export const RSA_PKCS1: readonly SignatureScheme[] = HASHES.map(({ digest, hash, title }) => ({
  name: `RSASSA-PKCS1-v1_5 with ${title}`,
  keyKinds: ["rsa"],
  hash,
  digest,
  rsaPadding: "pkcs1",
  identifiers: rsaPkcs1Identifiers(digest),
}));

const ECDSA: readonly SignatureScheme[] = HASHES.map(({ digest, hash, title }) => ({
  name: `ECDSA with ${title}`,
  keyKinds: ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521"],
  hash,
  digest,
  rsaPadding: undefined,
  identifiers: ecdsaIdentifiers(digest),
}));

const EDWARDS: readonly SignatureScheme[] = (["ed25519", "ed448"] as const).map((curve) => ({
  name: curve === "ed25519" ? "Ed25519" : "Ed448",
  keyKinds: [curve],
  hash: HashAlgorithm.IDENTITY,
  digest: undefined,
  rsaPadding: undefined,
  identifiers: edwardsIdentifiers(curve),
}));

/** Where several fit, the earlier is the better: PSS before PKCS#1 v1.5 (RFC 8247 §3.2). */
export const SCHEMES: readonly SignatureScheme[] = [...EDWARDS, ...ECDSA, ...PSS, ...RSA_PKCS1];

/** The scheme that a Digital Signature names by the DER of its AlgorithmIdentifier. */
export function schemeOfIdentifier(identifier: Uint8Array): SignatureScheme | undefined {
  return SCHEMES.find(({ identifiers }) => identifiers.some((known) => equalOctets(known, identifier)));
}

/** The hash should be as strong as the key (RFC 7427 §6). A stronger one comes next, and a weaker one before none. */
const HASH_PREFERENCES: Readonly<Record<KeyKind, readonly number[]>> = {
  rsa: [HashAlgorithm.SHA2_256, HashAlgorithm.SHA2_384, HashAlgorithm.SHA2_512],
  "ecdsa-p256": [HashAlgorithm.SHA2_256, HashAlgorithm.SHA2_384, HashAlgorithm.SHA2_512],
  "ecdsa-p384": [HashAlgorithm.SHA2_384, HashAlgorithm.SHA2_512, HashAlgorithm.SHA2_256],
  "ecdsa-p521": [HashAlgorithm.SHA2_512, HashAlgorithm.SHA2_384, HashAlgorithm.SHA2_256],
  ed25519: [HashAlgorithm.IDENTITY],
  ed448: [HashAlgorithm.IDENTITY],
};

/** The scheme to sign with for a peer that announced `peerHashes`; undefined when there is none that it knows. */
export function chooseScheme(kind: KeyKind, peerHashes: readonly number[], rsaPadding: "pss" | "pkcs1"): SignatureScheme | undefined {
  const hash = HASH_PREFERENCES[kind].find((candidate) => peerHashes.includes(candidate));
  return SCHEMES.find(
    (scheme) => scheme.hash === hash && scheme.keyKinds.includes(kind) && (scheme.rsaPadding ?? rsaPadding) === rsaPadding,
  );
}
