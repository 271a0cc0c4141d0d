/** Key pairs of signatures. node:crypto's KeyObject stays in here: other rooms hand over PEM or DER and keep these. */
import { constants, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { plainOctets } from "../octets.ts";
import type { KeyKind, SignatureScheme } from "./schemes.ts";

/** A key that cannot be read or is not fit for IKE. The message is a sentence for the operator. */
export class InvalidKey extends Error {
  override readonly name = "InvalidKey";
}

/** How (r, s) is written: "der" as ASN.1 (RFC 7427), "raw" as r | s at fixed width (RFC 4754 §3). Other schemes do not look at it. */
export type EcdsaEncoding = "der" | "raw";

/** RFC 8247 §3.1.1 asks for no shorter RSA key. */
const MIN_RSA_BITS = 2048;

/** The label of encrypted PKCS#8, or the header of the older forms (RFC 1421 §4.6.1.1). */
const ENCRYPTED = /^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/** Whether a private key in PEM needs a passphrase. */
export const isEncryptedPem = (text: string): boolean => ENCRYPTED.test(text);

const UNREADABLE = "it is damaged, or in a form that OpenSSL does not know";

const CURVES: ReadonlyMap<string | undefined, KeyKind> = new Map([
  ["prime256v1", "ecdsa-p256"],
  ["secp384r1", "ecdsa-p384"],
  ["secp521r1", "ecdsa-p521"],
]);

/** A public key, to check signatures with. */
export class VerificationKey {
  readonly kind: KeyKind;
  readonly #key: KeyObject;

  private constructor(key: KeyObject) {
    this.kind = kindOf(key);
    this.#key = key;
  }

  /** `der`: a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), as certificates hold one. Throws InvalidKey. */
  static fromSpki(der: Uint8Array): VerificationKey {
    return new VerificationKey(readKey(() => createPublicKey({ key: bufferOf(der), format: "der", type: "spki" }), "public"));
  }

  /** `text`: a PEM file with "BEGIN PUBLIC KEY". Throws InvalidKey. */
  static fromPem(text: string): VerificationKey {
    // createPublicKey would also take a private key, and a certificate without a look at anything but its key.
    if (!/^-----BEGIN PUBLIC KEY-----/m.test(text)) throw new InvalidKey("The public key is not a PEM file with BEGIN PUBLIC KEY.");
    return new VerificationKey(readKey(() => createPublicKey({ key: text, format: "pem" }), "public"));
  }

  /** DER of its SubjectPublicKeyInfo. */
  spki(): Uint8Array {
    return plainOctets(this.#key.export({ format: "der", type: "spki" }));
  }

  /** Whether `signature` is one over `octets`. Never throws for what a peer sent, whatever it is; false for a scheme of another kind of key. */
  verify(scheme: SignatureScheme, octets: Uint8Array, signature: Uint8Array, ecdsa: EcdsaEncoding = "der"): boolean {
    if (!scheme.keyKinds.includes(this.kind)) return false;
    try {
      return verify(scheme.digest, octets, { key: this.#key, ...parametersOf(scheme, ecdsa) }, signature);
    } catch {
      // OpenSSL reports some signatures that are no such thing as an error instead of a mismatch.
      return false;
    }
  }
}

/** A private key, to sign with. */
export class SigningKey {
  readonly kind: KeyKind;
  readonly publicKey: VerificationKey;
  readonly #key: KeyObject;

  private constructor(key: KeyObject) {
    this.kind = kindOf(key);
    this.#key = key;
    this.publicKey = VerificationKey.fromSpki(createPublicKey(key).export({ format: "der", type: "spki" }));
  }

  /** `text`: a PEM file with a private key in PKCS#8, encrypted or not, or in the older forms of RSA and EC keys. Throws InvalidKey. */
  static fromPem(text: string, passphrase?: Uint8Array): SigningKey {
    if (!/^-----BEGIN ([A-Z]+ )*PRIVATE KEY-----/m.test(text)) {
      throw new InvalidKey("The private key is not a PEM file with BEGIN PRIVATE KEY.");
    }
    const isEncrypted = isEncryptedPem(text);
    if (isEncrypted && passphrase === undefined) throw new InvalidKey("The private key is encrypted; give its passphrase.");
    const secret = passphrase === undefined ? {} : { passphrase: bufferOf(passphrase) };
    const why = isEncrypted
      ? "its passphrase is wrong, or it is damaged, or encrypted in a way that OpenSSL does not know any more"
      : UNREADABLE;
    return new SigningKey(readKey(() => createPrivateKey({ key: text, format: "pem", ...secret }), "private", why));
  }

  /** `der`: a PrivateKeyInfo (RFC 5208), not encrypted. Throws InvalidKey. */
  static fromPkcs8(der: Uint8Array): SigningKey {
    return new SigningKey(readKey(() => createPrivateKey({ key: bufferOf(der), format: "der", type: "pkcs8" }), "private"));
  }

  /** Throws RangeError for a scheme of another kind of key, which is a mistake of ours. */
  sign(scheme: SignatureScheme, octets: Uint8Array, ecdsa: EcdsaEncoding = "der"): Uint8Array {
    if (!scheme.keyKinds.includes(this.kind)) throw new RangeError(`${scheme.name} takes no ${this.kind} key`);
    return plainOctets(sign(scheme.digest, octets, { key: this.#key, ...parametersOf(scheme, ecdsa) }));
  }
}

/** The salt is as long as the hash, as the AlgorithmIdentifier says. MGF1 takes the same hash unless OpenSSL is told otherwise. */
function parametersOf(
  scheme: SignatureScheme,
  ecdsa: EcdsaEncoding,
): { padding?: number; saltLength?: number; dsaEncoding?: "der" | "ieee-p1363" } {
  switch (scheme.rsaPadding) {
    case "pss":
      return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
    case "pkcs1":
      return { padding: constants.RSA_PKCS1_PADDING };
    case undefined:
      return { dsaEncoding: ecdsa === "der" ? "der" : "ieee-p1363" };
  }
}

function kindOf(key: KeyObject): KeyKind {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  switch (type) {
    case "rsa": {
      const bits = details?.modulusLength ?? 0;
      if (bits < MIN_RSA_BITS) throw new InvalidKey(`The RSA key has ${bits} bits; use one with at least ${MIN_RSA_BITS}.`);
      return "rsa";
    }
    case "ec": {
      const kind = CURVES.get(details?.namedCurve);
      if (kind === undefined) {
        throw new InvalidKey(`The key is on the curve ${details?.namedCurve ?? "without a name"}; use P-256, P-384 or P-521.`);
      }
      return kind;
    }
    case "ed25519":
    case "ed448":
      return type;
    default:
      throw new InvalidKey(`A key of type ${type ?? "unknown"} does not sign in IKE here; use RSA, ECDSA, Ed25519 or Ed448.`);
  }
}

/** OpenSSL's own reasons differ from version to version and speak of its insides. */
function readKey(read: () => KeyObject, half: "public" | "private", why = UNREADABLE): KeyObject {
  try {
    return read();
  } catch {
    throw new InvalidKey(`The ${half} key cannot be read: ${why}.`);
  }
}

/** The same octets, not copied: node:crypto's types want a Buffer. */
const bufferOf = (octets: Uint8Array): Buffer => Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
