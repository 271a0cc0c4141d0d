/** Where random octets come from. The sans-IO rooms are handed one of these, so that a test can replay a run to the octet. */
import { createCipheriv, createHash, randomFillSync } from "node:crypto";
import { plainOctets } from "./octets.ts";

export interface Entropy {
  /** `n` octets that nobody can predict, in an array of their own. */
  bytes(n: number): Uint8Array;
}

/** The operating system's generator, through OpenSSL. */
export function systemEntropy(): Entropy {
  return { bytes: (n) => randomFillSync(new Uint8Array(n)) };
}

/**
 * The same octets for the same seed, on every machine: the key stream of AES-256-CTR under SHA-256 of the seed. For tests and the lab only:
 * whoever knows the seed knows every key, so it must never be reachable from a configuration file.
 */
export function seededEntropy(seed: string | number): Entropy {
  const key = createHash("sha256").update("hawser seeded entropy\0").update(String(seed)).digest();
  const keyStream = createCipheriv("aes-256-ctr", key, new Uint8Array(16));
  return { bytes: (n) => plainOctets(keyStream.update(new Uint8Array(n))) };
}
