/**
 * What the data plane asks of an implementation of the ciphers: seal or open a burst of ESP packets, in place, in packet memory, on one key.
 *
 * Packet memory is one shared `WebAssembly.Memory` per worker. The kernels write a batch of job descriptors into it (`JOB_*` in
 * kernels/layout.ts) and the engine works them off: one foreign call per burst where the library has one, never one per field.
 *
 *   offset  0  u32  payload: where what is encrypted or decrypted starts
 *           4  u32  length of the payload in octets
 *           8  u32  AAD: what an AEAD authenticates besides: SPI and sequence number (RFC 4106 §5, RFC 7634 §2.1)
 *          12  u32  length of the AAD: 8, or 12 with extended sequence numbers
 *          16  u32  nonce: 12 octets, salt and IV; 16 octets of counter block (CTR) or IV (CBC)
 *          20  u32  ICV: where the engine writes as many octets as the cipher's ICV has
 *          24       8 octets to spare
 *
 * For a cipher with a separate MAC the AAD is all that the MAC covers: contiguous, it begins before the payload and ends with it or 4 octets
 * behind it, where the kernels have put the high half of an extended sequence number. The MAC covers the ciphertext (encrypt-then-MAC).
 *
 * All offsets are relative to the start of packet memory. An engine belongs to one thread and one packet memory.
 */
import type { EspCipher } from "../../ipsec/esp-cipher.ts";

/** Best first: the order in which `createEngine("auto")` tries them. */
export const ENGINE_NAMES = ["ipsec-mb", "openssl", "node"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Octets of an AEAD's nonce: 4 of salt, 8 of IV (RFC 4106 §4, RFC 7634 §2). */
export const NONCE_LENGTH = 12;
/** Octets of the counter block of AES-CTR (RFC 3686 §4) and of the IV of AES-CBC (RFC 3602 §3). */
export const AES_BLOCK_LENGTH = 16;

/** A part of packet memory that belongs to the engine alone. */
export interface EngineArena {
  readonly offset: number;
  /** Octets. */
  readonly size: number;
}

export interface CipherEngine {
  readonly name: EngineName;
  /** Of the library behind it, as it calls itself. */
  readonly version: string;

  /** Octets of packet memory that an expanded key takes; a multiple of 64, 0 where the engine keeps keys elsewhere. */
  keySlotSize(cipher: EspCipher): number;

  /**
   * Expands `key` (cipher key, then integrity key; without the salt) for either direction.
   *
   * @param slot offset in packet memory of `keySlotSize` octets, a multiple of 64; the engine's until `forgetKey`
   * @returns a handle for `seal`, `open` and `forgetKey`; fits 32 bits
   * @throws RangeError when the key has not the cipher's length, or the slot is not aligned
   */
  expandKey(cipher: EspCipher, key: Uint8Array, slot: number): number;

  /** Wipes the key. The handle must not be used again. */
  forgetKey(handle: number): void;

  /**
   * Encrypts `n` packets in place and writes each ICV where its descriptor says.
   *
   * @param batch offset in packet memory of the first of `n` descriptors
   * @throws Error when the library refuses: nothing of the batch may then be sent, for it may still be plaintext
   */
  seal(handle: number, batch: number, n: number): void;

  /**
   * Decrypts `n` packets in place and writes each *computed* ICV to the place the descriptor names, which must not be the received one. The
   * caller compares it, in constant time, with the received ICV, and looks at the payload only then. An AEAD's received ICV stands at
   * `payload + length`: engines whose library only verifies (openssl, node) write a copy of it when it is right and its complement when it is
   * wrong. The payload of a packet with a wrong ICV is undefined.
   *
   * @throws Error when the library fails for another reason than a wrong ICV
   */
  open(handle: number, batch: number, n: number): void;
}

/** This engine cannot work on this machine. The message is a sentence that says why and what would help. */
export class EngineUnavailable extends Error {
  readonly engine: EngineName;

  constructor(engine: EngineName, reason: string) {
    super(reason);
    this.name = "EngineUnavailable";
    this.engine = engine;
  }
}
