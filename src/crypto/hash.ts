/** Plain hashes. */
import { createHash } from "node:crypto";
import { plainOctets } from "./octets.ts";

/** 20 octets, over all chunks in order. Names things (RFC 7296 §2.23, §3.7) and proves nothing: SHA-1 does not resist collisions. */
export function sha1(...chunks: readonly Uint8Array[]): Uint8Array {
  return digest("sha1", chunks);
}

/** 32 octets, over all chunks in order. */
export function sha256(...chunks: readonly Uint8Array[]): Uint8Array {
  return digest("sha256", chunks);
}

function digest(algorithm: string, chunks: readonly Uint8Array[]): Uint8Array {
  const hash = createHash(algorithm);
  for (const chunk of chunks) hash.update(chunk);
  return plainOctets(hash.digest());
}
