/** Pseudorandom functions (RFC 7296 §3.3.2, RFC 4868) and the key stream prf+ that is made of them (RFC 7296 §2.13). */
import { createHmac } from "node:crypto";
import { Prf as PrfId } from "../wire/iana/index.ts";
import { plainOctets, wipe } from "./octets.ts";

export interface Prf {
  /** As in IANA's registry: "PRF_HMAC_SHA2_256". */
  readonly name: string;
  /** IANA transform ID, type 2. */
  readonly transformId: number;
  /** Preferred key length in octets: the length of SK_d, SK_pi and SK_pr (RFC 7296 §2.14). Keys of any length are accepted. */
  readonly keyLength: number;
  /** Octets. */
  readonly outputLength: number;
  /** prf(key, chunk | chunk | …). */
  compute(key: Uint8Array, ...chunks: readonly Uint8Array[]): Uint8Array;
}

const HMAC_PRFS: readonly Prf[] = [
  hmacPrf(PrfId.PRF_HMAC_SHA1, "sha1", 20),
  hmacPrf(PrfId.PRF_HMAC_SHA2_256, "sha256", 32),
  hmacPrf(PrfId.PRF_HMAC_SHA2_384, "sha384", 48),
  hmacPrf(PrfId.PRF_HMAC_SHA2_512, "sha512", 64),
];

/** RFC 2104, RFC 4868 §2.1.1: as a PRF, the output of HMAC is not truncated and the preferred key is as long as the output. */
function hmacPrf(transformId: number, hash: string, outputLength: number): Prf {
  return {
    name: PrfId.nameOf(transformId),
    transformId,
    keyLength: outputLength,
    outputLength,
    compute(key, ...chunks) {
      const hmac = createHmac(hash, key);
      for (const chunk of chunks) hmac.update(chunk);
      return plainOctets(hmac.digest());
    },
  };
}

/** The PRF with that IANA transform ID; undefined if it is not implemented. */
export function prfFor(transformId: number): Prf | undefined {
  return HMAC_PRFS.find((prf) => prf.transformId === transformId);
}

/** The block counter of prf+ is one octet that starts at 1. */
const MAX_BLOCKS = 255;

/**
 * prf+(key, seed) = T1 | T2 | …, T1 = prf(key, seed | 0x01), Tn = prf(key, Tn-1 | seed | n), cut to `length` octets (RFC 7296 §2.13).
 * Throws RangeError beyond 255 blocks, where prf+ is not defined.
 */
export function prfPlus(prf: Prf, key: Uint8Array, seed: Uint8Array, length: number): Uint8Array {
  const blocks = Math.ceil(length / prf.outputLength);
  if (blocks > MAX_BLOCKS) throw new RangeError(`prf+ yields at most ${MAX_BLOCKS * prf.outputLength} octets, not ${length}`);
  const stream = new Uint8Array(length);
  let previous: Uint8Array = new Uint8Array(0);
  for (let n = 1; n <= blocks; n++) {
    const block = prf.compute(key, previous, seed, Uint8Array.of(n));
    const offset = (n - 1) * prf.outputLength;
    stream.set(block.subarray(0, length - offset), offset);
    wipe(previous);
    previous = block;
  }
  wipe(previous);
  return stream;
}
