import { ESP_CIPHERS, propertiesOf } from "../../ipsec/esp-cipher.ts";
import type { EspCipher, EspCipherProperties } from "../../ipsec/esp-cipher.ts";

/** Octets that an engine expands: cipher key, then integrity key; the salt between them in KEYMAT is the kernels'. */
export function keyLengthOf(cipher: EspCipher): number {
  const { keyLength, macKeyLength } = propertiesOf(cipher);
  return keyLength + macKeyLength;
}

/** @throws RangeError when `key` is not a key of this cipher */
export function checkKey(cipher: EspCipher, key: Uint8Array): void {
  const expected = keyLengthOf(cipher);
  if (key.length !== expected) throw new RangeError(`a key of ${cipher} has ${expected} octets, not ${key.length}`);
}

/** Engines that keep keys in packet memory name them by slot and cipher: a slot is a multiple of this, so the low six bits are free. */
export const SLOT_ALIGNMENT = 64;

/** @throws RangeError when `slot` is not aligned */
export function handleOf(cipher: EspCipher, slot: number): number {
  if (slot % SLOT_ALIGNMENT !== 0) throw new RangeError(`key slot ${slot} is not a multiple of ${SLOT_ALIGNMENT}`);
  return (slot | ESP_CIPHERS.indexOf(propertiesOf(cipher))) >>> 0;
}

/** Offset in packet memory of the key that `handle` names. */
export function slotOf(handle: number): number {
  return (handle & ~(SLOT_ALIGNMENT - 1)) >>> 0;
}

export function cipherOf(handle: number): EspCipherProperties {
  return ESP_CIPHERS[handle & (SLOT_ALIGNMENT - 1)] as EspCipherProperties;
}

const AEAD_COUNT = ESP_CIPHERS.filter(({ mac }) => mac === undefined).length;

/** The AEADs have the lowest numbers. */
export function isAead(handle: number): boolean {
  return (handle & (SLOT_ALIGNMENT - 1)) < AEAD_COUNT;
}
