/** The face of every cipher of the SK payload, and the padding that all of them carry. */

interface Keys {
  /** `keyLength` octets: SK_e, the salt of an AEAD or of AES-CTR behind the key. */
  readonly encryptionKey: Uint8Array;
  /** `integKeyLength` octets: SK_a. Empty for an AEAD. */
  readonly integrityKey: Uint8Array;
  /** Everything before the body: IKE header, payloads before SK, generic payload header of SK (RFC 7296 §3.14, RFC 5282 §5.1). */
  readonly aad: Uint8Array;
}

export interface SealInputs extends Keys {
  /**
   * `ivLength` octets. Where that is 8 it must never repeat under one key, so a counter is right; where it is 16 (CBC) it must not be
   * predictable, so entropy is.
   */
  readonly iv: Uint8Array;
  /** The inner payload chain, without padding. */
  readonly plaintext: Uint8Array;
}

export interface OpenInputs extends Keys {
  /** IV | ciphertext | ICV. */
  readonly body: Uint8Array;
}

export interface IkeCipherSuite {
  /** Octets of SK_ei and SK_er, salt included. */
  readonly keyLength: number;
  /** Octets of SK_ai and SK_ar; 0 for an AEAD. */
  readonly integKeyLength: number;
  readonly ivLength: number;
  readonly icvLength: number;
  /** The ciphertext's length is a multiple of this; 1 where there is no such demand. */
  readonly blockSize: number;
  /** Octets that {@link seal} makes of so many octets of plaintext: needed first, because the lengths in `aad` include them. */
  bodyLength(plaintextLength: number): number;
  /** IV | ciphertext | ICV; the ciphertext holds plaintext, padding and the Pad Length octet. Throws RangeError for a wrong length. */
  seal(inputs: SealInputs): Uint8Array;
  /**
   * The inner payload chain without padding, in an array of its own. Undefined if the ICV or the padding is wrong; never throws for a `body`,
   * whatever it is. Takes the same time wherever the ICV differs, and looks at nothing of the plaintext before the ICV was right.
   */
  open(inputs: OpenInputs): Uint8Array | undefined;
}

/** Octets of padding, the Pad Length octet not included, after so many octets of plaintext. The least that is possible. */
export function padLength(plaintextLength: number, blockSize: number): number {
  return (blockSize - ((plaintextLength + 1) % blockSize)) % blockSize;
}

/** Padding and Pad Length. RFC 7296 §3.14 lets padding hold anything; zeros leak nothing under these ciphers. */
export function trailer(plaintextLength: number, blockSize: number): Uint8Array {
  const length = padLength(plaintextLength, blockSize);
  const octets = new Uint8Array(length + 1);
  octets[length] = length;
  return octets;
}

/**
 * `padded` without padding and Pad Length, as a view. Undefined if the Pad Length octet is missing or points before the start. More padding
 * than needed is legal: it hides lengths.
 */
export function withoutPadding(padded: Uint8Array): Uint8Array | undefined {
  const padding = padded.at(-1);
  return padding === undefined || padding >= padded.length ? undefined : padded.subarray(0, padded.length - 1 - padding);
}

/** A wrong length of our own key or IV is a mistake of ours: no peer can cause it. */
export function requireOctets(what: string, octets: Uint8Array, length: number): void {
  if (octets.length !== length) throw new RangeError(`${what} has ${octets.length} octets instead of ${length}`);
}
