/**
 * Proof of an identity by signature, for the AUTH payload (RFC 7296 §2.15 and §3.8, RFC 4754, RFC 7427, RFC 8420). What is signed, and proof by
 * a shared secret, is in auth.ts. Whether a public key belongs to an identity is the question of src/pki.
 */
import { AuthenticationMethod, HashAlgorithm } from "../wire/iana/index.ts";
import { decodeDigitalSignature, encodeDigitalSignature } from "./signature/digital-signature.ts";
import type { SigningKey, VerificationKey } from "./signature/keys.ts";
import { chooseScheme, RSA_PKCS1, schemeOfIdentifier, SCHEMES, type KeyKind, type SignatureScheme } from "./signature/schemes.ts";

export { InvalidKey, isEncryptedPem, SigningKey, VerificationKey, type EcdsaEncoding } from "./signature/keys.ts";
export type { KeyKind, SignatureScheme } from "./signature/schemes.ts";

/** What SIGNATURE_HASH_ALGORITHMS announces: the hashes of the signatures that {@link verifyAuth} accepts (RFC 7427 §4). */
export const SIGNATURE_HASHES: readonly number[] = [
  HashAlgorithm.SHA2_256,
  HashAlgorithm.SHA2_384,
  HashAlgorithm.SHA2_512,
  HashAlgorithm.IDENTITY,
];

export interface SignAuthInputs {
  readonly key: SigningKey;
  /** Of `signedOctets`. */
  readonly octets: Uint8Array;
  /** What the peer's SIGNATURE_HASH_ALGORITHMS listed; undefined when it sent none and knows the older methods alone. */
  readonly peerHashes: readonly number[] | undefined;
  /** For an RSA key and a peer that announced hashes. Nothing negotiates it; "pkcs1" is for peers that know no PSS. */
  readonly rsaPadding?: "pss" | "pkcs1";
}

/** The content of an AUTH payload. */
export interface SignedAuth {
  /** IANA authentication method. */
  readonly method: number;
  readonly data: Uint8Array;
}

/**
 * Signs by Digital Signature (method 14) where the peer knows a hash that fits the key, else by the method of its own that older IKEv2 gave
 * to the kind of key. Undefined when that does not exist: a peer without RFC 7427 and RFC 8420 cannot check EdDSA.
 */
export function signAuth({
  key,
  octets,
  peerHashes,
  rsaPadding = "pss",
}: SignAuthInputs): (SignedAuth & { readonly scheme: string }) | undefined {
  const scheme = peerHashes === undefined ? undefined : chooseScheme(key.kind, peerHashes, rsaPadding);
  const [identifier] = scheme?.identifiers ?? [];
  if (scheme !== undefined && identifier !== undefined) {
    const signature = key.sign(scheme, octets);
    return { method: AuthenticationMethod.DIGITAL_SIGNATURE, data: encodeDigitalSignature({ identifier, signature }), scheme: scheme.name };
  }
  const older = OLDER_METHODS.find(({ kind }) => kind === key.kind);
  const [olderScheme] = older?.schemes ?? [];
  if (older === undefined || olderScheme === undefined) return undefined;
  return { method: older.method, data: key.sign(olderScheme, octets, "raw"), scheme: olderScheme.name };
}

/** An authentication method that stands for one kind of key. */
interface OlderMethod {
  readonly method: number;
  readonly kind: KeyKind;
  /** What verifies; the first is what signs. */
  readonly schemes: readonly SignatureScheme[];
}

const ecdsaWith = (hash: number): SignatureScheme[] => SCHEMES.filter((one) => one.hash === hash && one.keyKinds.includes("ecdsa-p256"));

/**
 * RFC 7296 §3.8 has method 1 sign with SHA-1 unless there is reason to think that the peer knows better; RFC 8247 §3.2 has since put SHA-1 at
 * MUST NOT, so SHA2-256 it is. The hash stands in the padded signature alone, so that a verifier tries those it knows.
 */
const OLDER_METHODS: readonly OlderMethod[] = [
  { method: AuthenticationMethod.RSA_DIGITAL_SIGNATURE, kind: "rsa", schemes: RSA_PKCS1 },
  { method: AuthenticationMethod.ECDSA_SHA256_P256, kind: "ecdsa-p256", schemes: ecdsaWith(HashAlgorithm.SHA2_256) },
  { method: AuthenticationMethod.ECDSA_SHA384_P384, kind: "ecdsa-p384", schemes: ecdsaWith(HashAlgorithm.SHA2_384) },
  { method: AuthenticationMethod.ECDSA_SHA512_P521, kind: "ecdsa-p521", schemes: ecdsaWith(HashAlgorithm.SHA2_512) },
];

export interface VerifyAuthInputs extends SignedAuth {
  readonly key: VerificationKey;
  /** Of `signedOctets`, as the peer must have computed them. */
  readonly octets: Uint8Array;
}

/** `scheme` and `reason` are for the log of this end, never for the peer. */
export type AuthVerdict = { readonly valid: true; readonly scheme: string } | { readonly valid: false; readonly reason: string };

/** Checks the peer's AUTH payload against its public key. Never throws for what a peer sent, whatever it is. */
export function verifyAuth({ key, method, data, octets }: VerifyAuthInputs): AuthVerdict {
  if (method === AuthenticationMethod.DIGITAL_SIGNATURE) return verifyDigitalSignature(key, data, octets);
  const older = OLDER_METHODS.find((one) => one.method === method);
  if (older === undefined) return invalid(`authentication method ${AuthenticationMethod.nameOf(method)} is no signature that is supported`);
  if (older.kind !== key.kind)
    return invalid(`authentication method ${AuthenticationMethod.nameOf(method)} does not go with a key of kind ${key.kind}`);
  const scheme = older.schemes.find((candidate) => key.verify(candidate, octets, data, "raw"));
  return scheme === undefined ? invalid("the signature is wrong") : { valid: true, scheme: scheme.name };
}

function verifyDigitalSignature(key: VerificationKey, data: Uint8Array, octets: Uint8Array): AuthVerdict {
  const parts = decodeDigitalSignature(data);
  if (parts === undefined) return invalid("the digital signature is cut short");
  return verifySignature(key, parts.identifier, octets, parts.signature);
}

/**
 * Checks a signature that names its algorithm, as digital signatures, certificates and revocation lists do: `identifier` is the DER of an
 * AlgorithmIdentifier. Never throws for what a peer sent, whatever it is.
 */
export function verifySignature(key: VerificationKey, identifier: Uint8Array, octets: Uint8Array, signature: Uint8Array): AuthVerdict {
  const scheme = schemeOfIdentifier(identifier);
  if (scheme === undefined) return invalid("the signature is of an algorithm that is not supported");
  if (!scheme.keyKinds.includes(key.kind)) return invalid(`${scheme.name} does not go with a key of kind ${key.kind}`);
  return key.verify(scheme, octets, signature) ? { valid: true, scheme: scheme.name } : invalid("the signature is wrong");
}

const invalid = (reason: string): AuthVerdict => ({ valid: false, reason });
