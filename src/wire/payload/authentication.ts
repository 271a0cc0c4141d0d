/** Authentication payload (RFC 7296 §3.8). */
import { Reader, Writer } from "../octets.ts";

export interface AuthPayload {
  readonly type: "AUTH";
  /** iana AuthenticationMethod. */
  readonly method: number;
  readonly data: Uint8Array;
}

export function decodeAuth(body: Uint8Array): AuthPayload {
  const reader = new Reader(body);
  const method = reader.u8();
  reader.skip(3);
  return { type: "AUTH", method, data: reader.rest() };
}

export function encodeAuth(payload: AuthPayload): Uint8Array {
  return new Writer().u8(payload.method).zeros(3).octets(payload.data).finish();
}
