/** What the AUTH payload proves, and the proof by a shared secret (RFC 7296 §2.15). Proof by signature is in signature.ts. */
import { timingSafeEqual } from "node:crypto";
import { concat } from "../wire/octets.ts";
import { wipe } from "./octets.ts";
import type { Prf } from "./prf.ts";

export interface SignedOctetsInputs {
  /** The first message that this end sent, the request or the response of IKE_SA_INIT: header and all, without the non-ESP marker. */
  readonly message: Uint8Array;
  /** The nonce of the *other* end, without payload header. */
  readonly nonce: Uint8Array;
  readonly prf: Prf;
  /** SK_pi or SK_pr, of this end. */
  readonly skP: Uint8Array;
  /** The body of this end's IDi or IDr payload: ID Type, three reserved octets, Identification Data. */
  readonly idPayloadBody: Uint8Array;
  /** IntAuth, when there were IKE_INTERMEDIATE exchanges (RFC 9242 §3.3.2); else empty. */
  readonly intAuth: Uint8Array;
}

/** InitiatorSignedOctets or ResponderSignedOctets: message | nonce | prf(SK_p, ID body) [| IntAuth]. */
export function signedOctets({ message, nonce, prf, skP, idPayloadBody, intAuth }: SignedOctetsInputs): Uint8Array {
  return concat(message, nonce, prf.compute(skP, idPayloadBody), intAuth);
}

/** 17 ASCII characters, without a NUL. */
const KEY_PAD = new TextEncoder().encode("Key Pad for IKEv2");

/** AUTH = prf( prf(shared secret, "Key Pad for IKEv2"), signed octets ). */
export function pskAuth(prf: Prf, psk: Uint8Array, octets: Uint8Array): Uint8Array {
  const paddedKey = prf.compute(psk, KEY_PAD);
  const auth = prf.compute(paddedKey, octets);
  wipe(paddedKey);
  return auth;
}

/** For MACs and cookies: takes the same time wherever two arrays of one length differ. Lengths are public. */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
