/** AES-GCM (RFC 5282) and ChaCha20-Poly1305 (RFC 7634) for the SK payload. Nonce = salt (4 octets) | IV (8 octets). */
import { createCipheriv, createDecipheriv, type CipherGCMTypes } from "node:crypto";
import { concat } from "../../wire/octets.ts";
import { plainOctets } from "../octets.ts";
import { requireOctets, trailer, withoutPadding, type IkeCipherSuite, type OpenInputs, type SealInputs } from "./suite.ts";

export interface Aead {
  readonly algorithm: CipherGCMTypes | "chacha20-poly1305";
  /** Octets, without the salt. */
  readonly keyLength: number;
  readonly icvLength: number;
}

const SALT_LENGTH = 4;
const IV_LENGTH = 8;

export function aeadSuite(aead: Aead): IkeCipherSuite {
  const keyLength = aead.keyLength + SALT_LENGTH;
  return {
    keyLength,
    integKeyLength: 0,
    ivLength: IV_LENGTH,
    icvLength: aead.icvLength,
    blockSize: 1,
    bodyLength: (plaintextLength) => IV_LENGTH + plaintextLength + 1 + aead.icvLength,
    seal(inputs) {
      requireOctets("SK_e", inputs.encryptionKey, keyLength);
      requireOctets("the IV", inputs.iv, IV_LENGTH);
      return seal(aead, inputs);
    },
    open(inputs) {
      requireOctets("SK_e", inputs.encryptionKey, keyLength);
      return open(aead, inputs);
    },
  };
}

function seal(aead: Aead, { encryptionKey, aad, iv, plaintext }: SealInputs): Uint8Array {
  const { key, nonce } = keyAndNonce(aead, encryptionKey, iv);
  // The same calls serve ChaCha20-Poly1305; its literal type alone is not in the types of this overload.
  const cipher = createCipheriv(aead.algorithm as CipherGCMTypes, key, nonce, { authTagLength: aead.icvLength });
  cipher.setAAD(aad, { plaintextLength: plaintext.length + 1 });
  const parts = [iv, cipher.update(plaintext), cipher.update(trailer(plaintext.length, 1))];
  cipher.final();
  return concat(...parts, cipher.getAuthTag());
}

function open(aead: Aead, { encryptionKey, aad, body }: OpenInputs): Uint8Array | undefined {
  const icvAt = body.length - aead.icvLength;
  if (icvAt <= IV_LENGTH) return undefined;
  const { key, nonce } = keyAndNonce(aead, encryptionKey, body.subarray(0, IV_LENGTH));
  const decipher = createDecipheriv(aead.algorithm as CipherGCMTypes, key, nonce, { authTagLength: aead.icvLength });
  decipher.setAAD(aad, { plaintextLength: icvAt - IV_LENGTH });
  decipher.setAuthTag(body.subarray(icvAt));
  const padded = decipher.update(body.subarray(IV_LENGTH, icvAt));
  try {
    decipher.final();
  } catch {
    padded.fill(0);
    return undefined;
  }
  return withoutPadding(plainOctets(padded));
}

function keyAndNonce({ keyLength }: Aead, encryptionKey: Uint8Array, iv: Uint8Array): { key: Uint8Array; nonce: Uint8Array } {
  return { key: encryptionKey.subarray(0, keyLength), nonce: concat(encryptionKey.subarray(keyLength), iv) };
}
