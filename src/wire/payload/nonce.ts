/** Nonce payload (RFC 7296 §3.9). */
import { MalformedMessage } from "../errors.ts";

export const MIN_NONCE_LENGTH = 16;
export const MAX_NONCE_LENGTH = 256;

export interface NoncePayload {
  readonly type: "NONCE";
  /** 16 to 256 octets. */
  readonly data: Uint8Array;
}

export function decodeNonce(body: Uint8Array): NoncePayload {
  if (body.length < MIN_NONCE_LENGTH || body.length > MAX_NONCE_LENGTH) {
    throw new MalformedMessage("bad-nonce-length", `${body.length} octets of nonce`);
  }
  return { type: "NONCE", data: body };
}
