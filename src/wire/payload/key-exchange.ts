/** Key Exchange payload (RFC 7296 §3.4). */
import { Reader, Writer } from "../octets.ts";

export interface KePayload {
  readonly type: "KE";
  /** iana KeyExchangeMethod. */
  readonly method: number;
  /** The public value; its length is checked by the method. */
  readonly data: Uint8Array;
}

export function decodeKe(body: Uint8Array): KePayload {
  const reader = new Reader(body);
  const method = reader.u16();
  reader.skip(2);
  return { type: "KE", method, data: reader.rest() };
}

export function encodeKe(payload: KePayload): Uint8Array {
  return new Writer().u16(payload.method).zeros(2).octets(payload.data).finish();
}
