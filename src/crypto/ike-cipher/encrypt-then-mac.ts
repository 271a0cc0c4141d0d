/** AES-CBC (RFC 3602) and AES-CTR (RFC 5930) with HMAC-SHA2 (RFC 4868) or HMAC-SHA1 (RFC 2404), for peers that know no AEAD. */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import { concat } from "../../wire/octets.ts";
import { plainOctets } from "../octets.ts";
import { padLength, requireOctets, trailer, withoutPadding, type IkeCipherSuite, type OpenInputs, type SealInputs } from "./suite.ts";

export interface BlockMode {
  readonly kind: "cbc" | "ctr";
  /** OpenSSL's name. */
  readonly algorithm: string;
  /** Octets, without the nonce that AES-CTR has behind its key. */
  readonly keyLength: number;
}

export interface Mac {
  /** OpenSSL's name of the hash. */
  readonly hash: string;
  readonly keyLength: number;
  /** Octets that HMAC's output is cut to. */
  readonly icvLength: number;
}

interface Geometry {
  readonly ivLength: number;
  readonly blockSize: number;
  /** Octets behind the key in SK_e. */
  readonly saltLength: number;
}

/** RFC 5930 §2.1: AES-CTR needs no alignment. */
const GEOMETRY: Readonly<Record<BlockMode["kind"], Geometry>> = {
  cbc: { ivLength: 16, blockSize: 16, saltLength: 0 },
  ctr: { ivLength: 8, blockSize: 1, saltLength: 4 },
};

export function encryptThenMacSuite(mode: BlockMode, mac: Mac): IkeCipherSuite {
  const { ivLength, blockSize, saltLength } = GEOMETRY[mode.kind];
  const keyLength = mode.keyLength + saltLength;
  return {
    keyLength,
    integKeyLength: mac.keyLength,
    ivLength,
    icvLength: mac.icvLength,
    blockSize,
    bodyLength: (plaintextLength) => ivLength + plaintextLength + padLength(plaintextLength, blockSize) + 1 + mac.icvLength,
    seal(inputs) {
      requireOctets("SK_e", inputs.encryptionKey, keyLength);
      requireOctets("SK_a", inputs.integrityKey, mac.keyLength);
      requireOctets("the IV", inputs.iv, ivLength);
      return seal(mode, mac, inputs);
    },
    open(inputs) {
      requireOctets("SK_e", inputs.encryptionKey, keyLength);
      requireOctets("SK_a", inputs.integrityKey, mac.keyLength);
      return open(mode, mac, inputs);
    },
  };
}

function seal(mode: BlockMode, mac: Mac, { encryptionKey, integrityKey, aad, iv, plaintext }: SealInputs): Uint8Array {
  const { key, counterOrIv } = keyAndIv(mode, encryptionKey, iv);
  const cipher = createCipheriv(mode.algorithm, key, counterOrIv);
  cipher.setAutoPadding(false);
  const { blockSize } = GEOMETRY[mode.kind];
  const ivAndCiphertext = concat(iv, cipher.update(plaintext), cipher.update(trailer(plaintext.length, blockSize)), cipher.final());
  return concat(ivAndCiphertext, icv(mac, integrityKey, aad, ivAndCiphertext));
}

function open(mode: BlockMode, mac: Mac, { encryptionKey, integrityKey, aad, body }: OpenInputs): Uint8Array | undefined {
  const { ivLength, blockSize } = GEOMETRY[mode.kind];
  const icvAt = body.length - mac.icvLength;
  if (icvAt <= ivLength || (icvAt - ivLength) % blockSize !== 0) return undefined;
  // The MAC first: nothing may depend on the padding of a message that is not the peer's.
  if (!timingSafeEqual(icv(mac, integrityKey, aad, body.subarray(0, icvAt)), body.subarray(icvAt))) return undefined;
  const { key, counterOrIv } = keyAndIv(mode, encryptionKey, body.subarray(0, ivLength));
  const decipher = createDecipheriv(mode.algorithm, key, counterOrIv);
  decipher.setAutoPadding(false);
  // Without automatic padding, final() yields nothing and cannot fail on whole blocks.
  return withoutPadding(plainOctets(decipher.update(body.subarray(ivLength, icvAt))));
}

function icv({ hash, icvLength }: Mac, key: Uint8Array, aad: Uint8Array, ivAndCiphertext: Uint8Array): Uint8Array {
  return plainOctets(createHmac(hash, key).update(aad).update(ivAndCiphertext).digest()).subarray(0, icvLength);
}

/** RFC 3686 §4: a counter block is nonce | IV | block counter, which starts at 1. */
const FIRST_BLOCK = Uint8Array.of(0, 0, 0, 1);

function keyAndIv({ kind, keyLength }: BlockMode, encryptionKey: Uint8Array, iv: Uint8Array): { key: Uint8Array; counterOrIv: Uint8Array } {
  const key = encryptionKey.subarray(0, keyLength);
  return { key, counterOrIv: kind === "cbc" ? iv : concat(encryptionKey.subarray(keyLength), iv, FIRST_BLOCK) };
}
