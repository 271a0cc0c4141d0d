/** Numbers drawn from the endpoint's entropy. */
import type { Entropy } from "../crypto/entropy.ts";

/** Uniform in 0 <= x < 1, with 32 bits. */
export function randomFraction(entropy: Entropy): number {
  const [a = 0, b = 0, c = 0, d = 0] = entropy.bytes(4);
  return (((a << 24) | (b << 16) | (c << 8) | d) >>> 0) / 2 ** 32;
}
