import type { EspCipher } from "../../ipsec/sadb.ts";

/** The order in which handles number the ciphers. */
export const ESP_CIPHERS = ["aes128gcm16", "aes256gcm16", "chacha20poly1305"] as const satisfies readonly EspCipher[];

const KEY_LENGTHS: Readonly<Record<EspCipher, number>> = { aes128gcm16: 16, aes256gcm16: 32, chacha20poly1305: 32 };

/** Octets of cipher key, without the salt. */
export function keyLengthOf(cipher: EspCipher): number {
  return KEY_LENGTHS[cipher];
}

/** @throws RangeError when `key` is not a key of this cipher */
export function checkKey(cipher: EspCipher, key: Uint8Array): void {
  const expected = KEY_LENGTHS[cipher];
  if (key.length !== expected) throw new RangeError(`a key of ${cipher} has ${expected} octets, not ${key.length}`);
}

/** Engines that keep keys in packet memory name them by slot and cipher: a slot is a multiple of this, so the low six bits are free. */
export const SLOT_ALIGNMENT = 64;
const CIPHER_BITS = 3;

/** @throws RangeError when `slot` is not aligned */
export function handleOf(cipher: EspCipher, slot: number): number {
  if (slot % SLOT_ALIGNMENT !== 0) throw new RangeError(`key slot ${slot} is not a multiple of ${SLOT_ALIGNMENT}`);
  return (slot | ESP_CIPHERS.indexOf(cipher)) >>> 0;
}

/** Offset in packet memory of the key that `handle` names. */
export function slotOf(handle: number): number {
  return (handle & ~(SLOT_ALIGNMENT - 1)) >>> 0;
}

export function cipherOf(handle: number): EspCipher {
  return ESP_CIPHERS[(handle & CIPHER_BITS) as 0 | 1 | 2];
}
