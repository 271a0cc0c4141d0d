/** Nonces (RFC 7296 §2.10) and the order among them that settles collisions (§2.8.1). */
import type { Entropy } from "../crypto/entropy.ts";

/** §2.10: at least half the key size of the negotiated prf; 32 octets suffice for all of them. */
const NONCE_LENGTH = 32;

export const newNonce = (entropy: Entropy): Uint8Array => entropy.bytes(NONCE_LENGTH);

/** §2.8.1: "lowest" compares octet by octet, and a nonce that is a prefix of another is the lower one. Negative when `a` is lower. */
export function compareNonces(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length);
  for (let index = 0; index < common; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function lowerNonce(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareNonces(a, b) <= 0 ? a : b;
}
