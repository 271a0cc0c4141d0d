/**
 * Ciphers of the SK payload (RFC 7296 §3.14). A suite is one AEAD (RFC 5282, RFC 7634), or for old peers a cipher with a separate MAC; both
 * have the same face, and a caller need not know which it holds.
 */
import { EncryptionAlgorithm, IntegrityAlgorithm } from "../wire/iana/index.ts";
import { aeadSuite, type Aead } from "./ike-cipher/aead.ts";
import { encryptThenMacSuite, type BlockMode, type Mac } from "./ike-cipher/encrypt-then-mac.ts";
import type { IkeCipherSuite } from "./ike-cipher/suite.ts";

export type { IkeCipherSuite, OpenInputs, SealInputs } from "./ike-cipher/suite.ts";

/**
 * The suite for negotiated transforms. `keyLength` is in bits, as in the Key Length attribute; for a cipher with one key length it must be
 * absent. An AEAD takes no integrity transform, or NONE; the others need one. Undefined if that is not implemented or not a legal pair.
 */
export function ikeCipherFor(
  transform: { readonly id: number; readonly keyLength?: number },
  integ?: { readonly id: number },
): IkeCipherSuite | undefined {
  const aead = aeadFor(transform);
  if (aead !== undefined) return integ === undefined || integ.id === IntegrityAlgorithm.NONE ? aeadSuite(aead) : undefined;
  const mode = blockModeFor(transform);
  const mac = integ === undefined ? undefined : MACS.get(integ.id);
  return mode === undefined || mac === undefined ? undefined : encryptThenMacSuite(mode, mac);
}

const GCM_ICV_LENGTHS: ReadonlyMap<number, number> = new Map([
  [EncryptionAlgorithm.ENCR_AES_GCM_8, 8],
  [EncryptionAlgorithm.ENCR_AES_GCM_12, 12],
  [EncryptionAlgorithm.ENCR_AES_GCM_16, 16],
]);

function aeadFor({ id, keyLength }: { readonly id: number; readonly keyLength?: number }): Aead | undefined {
  if (id === EncryptionAlgorithm.ENCR_CHACHA20_POLY1305 && keyLength === undefined) {
    return { algorithm: "chacha20-poly1305", keyLength: 32, icvLength: 16 };
  }
  const icvLength = GCM_ICV_LENGTHS.get(id);
  if (icvLength === undefined) return undefined;
  switch (keyLength) {
    case 128:
      return { algorithm: "aes-128-gcm", keyLength: 16, icvLength };
    case 192:
      return { algorithm: "aes-192-gcm", keyLength: 24, icvLength };
    case 256:
      return { algorithm: "aes-256-gcm", keyLength: 32, icvLength };
    default:
      return undefined;
  }
}

function blockModeFor({ id, keyLength }: { readonly id: number; readonly keyLength?: number }): BlockMode | undefined {
  if (keyLength !== 128 && keyLength !== 192 && keyLength !== 256) return undefined;
  if (id === EncryptionAlgorithm.ENCR_AES_CBC) return { kind: "cbc", algorithm: `aes-${keyLength}-cbc`, keyLength: keyLength / 8 };
  if (id === EncryptionAlgorithm.ENCR_AES_CTR) return { kind: "ctr", algorithm: `aes-${keyLength}-ctr`, keyLength: keyLength / 8 };
  return undefined;
}

/** RFC 4868 §2.1.2: the key is as long as the hash, the ICV half of it; or 96 bits (RFC 2404 §2). */
const MACS: ReadonlyMap<number, Mac> = new Map([
  [IntegrityAlgorithm.AUTH_HMAC_SHA1_96, { hash: "sha1", keyLength: 20, icvLength: 12 }],
  [IntegrityAlgorithm.AUTH_HMAC_SHA2_256_128, { hash: "sha256", keyLength: 32, icvLength: 16 }],
  [IntegrityAlgorithm.AUTH_HMAC_SHA2_384_192, { hash: "sha384", keyLength: 48, icvLength: 24 }],
  [IntegrityAlgorithm.AUTH_HMAC_SHA2_512_256, { hash: "sha512", keyLength: 64, icvLength: 32 }],
]);
