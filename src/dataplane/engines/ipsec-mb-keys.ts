/** Keys as libipsec-mb takes them: expanded once, into a slot of packet memory that every job of the SA points to. */
import type { EspCipherProperties, EspMac } from "../../ipsec/esp-cipher.ts";
import type { AesKeyLength } from "./ipsec-mb-layout.ts";
import type { IpsecMbManager } from "./ipsec-mb-library.ts";

/** Octets from the slot's start. A slot of a cipher with a separate MAC holds two schedules of AES and two states of a hash. */
export const ENCRYPTION_SCHEDULE = 0;
export const DECRYPTION_SCHEDULE = 256;
export const HMAC_INNER = 512;
export const HMAC_OUTER = 576;
const ENCRYPT_THEN_MAC_SLOT = 640;
const CHACHA_SLOT = 64;

/** Octets of a hash's block. */
const BLOCKS: Readonly<Record<EspMac, number>> = { sha1: 64, sha256: 64, sha384: 128, sha512: 128 };
/** Of key and block, while they are expanded. */
export const KEY_SCRATCH = 128;

/** Octets; a multiple of 64. */
export function slotSizeOf({ mode }: EspCipherProperties, gcmKeyData: number): number {
  switch (mode) {
    case "gcm":
      return gcmKeyData;
    case "chacha20poly1305":
      return CHACHA_SLOT;
    case "cbc":
    case "ctr":
      return ENCRYPT_THEN_MAC_SLOT;
  }
}

/**
 * Writes to `slot` what the library wants of `key` (cipher key, then integrity key).
 *
 * @param base absolute address of packet memory
 * @param scratch offset of {@link KEY_SCRATCH} octets, wiped afterwards
 */
export function expandInto(
  slot: number,
  cipher: EspCipherProperties,
  key: Uint8Array,
  manager: IpsecMbManager,
  memory: Uint8Array,
  base: number,
  scratch: number,
): void {
  if (cipher.mode === "chacha20poly1305") {
    memory.set(key, slot);
    return;
  }
  const keyLength = cipher.keyLength as AesKeyLength;
  memory.set(key.subarray(0, keyLength), scratch);
  if (cipher.mac === undefined) manager.expandGcm[keyLength](base + scratch, base + slot);
  else {
    manager.expandAes[keyLength](base + scratch, base + slot + ENCRYPTION_SCHEDULE, base + slot + DECRYPTION_SCHEDULE);
    // RFC 2104 §4: the states after the first block of each of HMAC's two passes can stand for the key.
    const hash = manager.hashOneBlock[cipher.mac];
    for (const [pad, at] of [
      [0x36, HMAC_INNER],
      [0x5c, HMAC_OUTER],
    ] as const) {
      memory.fill(pad, scratch, scratch + BLOCKS[cipher.mac]);
      key.subarray(keyLength).forEach((octet, i) => (memory[scratch + i] = octet ^ pad));
      hash(base + scratch, base + slot + at);
    }
  }
  memory.fill(0, scratch, scratch + KEY_SCRATCH);
}
