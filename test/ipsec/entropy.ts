/** Reproducible octets for tests: SHA-256 over seed and counter. */
import { createHash } from "node:crypto";

export function seededOctets(seed: number): (octets: number) => Uint8Array {
  let counter = 0;
  return (octets) => {
    const parts: Buffer[] = [];
    for (let length = 0; length < octets; length += 32) parts.push(createHash("sha256").update(`${seed}/${counter++}`).digest());
    return new Uint8Array(Buffer.concat(parts).subarray(0, octets));
  };
}
