/**
 * Encrypted payload (RFC 7296 §3.14) and Encrypted Fragment payload (RFC 7383 §2.5). Their Next Payload field does not name what follows
 * them, for nothing does, but the first payload inside.
 */
import { MalformedMessage } from "../errors.ts";
import { PayloadType } from "../iana/index.ts";
import { Reader, Writer } from "../octets.ts";

export interface SkPayload {
  readonly type: "SK";
  /** iana PayloadType of the first payload inside; NONE (0) if there is none. */
  readonly firstInner: number;
  /** IV, ciphertext and ICV, as the cipher lays them out. */
  readonly body: Uint8Array;
}

export interface SkfPayload {
  readonly type: "SKF";
  /** As in SK for fragment 1; 0 for all others (RFC 7383 §2.5). */
  readonly firstInner: number;
  /** From 1. */
  readonly fragmentNumber: number;
  /** Not below `fragmentNumber`. */
  readonly totalFragments: number;
  /** IV, ciphertext and ICV of this fragment alone. */
  readonly body: Uint8Array;
}

/** Fragment Number and Total Fragments stand between the generic header and the IV, and are authenticated with it. */
export const SKF_FIELDS_LENGTH = 4;

export function decodeSkf(firstInner: number, body: Uint8Array): SkfPayload {
  const reader = new Reader(body);
  const fragmentNumber = reader.u16();
  const totalFragments = reader.u16();
  // RFC 7383 §2.6: such a fragment is discarded silently, before any cryptography.
  if (fragmentNumber === 0 || fragmentNumber > totalFragments) {
    throw new MalformedMessage("bad-fragment", `fragment ${fragmentNumber} of ${totalFragments}`);
  }
  if (fragmentNumber > 1 && firstInner !== PayloadType.NONE) {
    throw new MalformedMessage("bad-fragment", `fragment ${fragmentNumber} names a first payload`);
  }
  return { type: "SKF", firstInner, fragmentNumber, totalFragments, body: reader.rest() };
}

export function encodeSkf(payload: SkfPayload): Uint8Array {
  return new Writer(SKF_FIELDS_LENGTH + payload.body.length)
    .u16(payload.fragmentNumber)
    .u16(payload.totalFragments)
    .octets(payload.body)
    .finish();
}
