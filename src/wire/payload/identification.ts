/** Identification payloads (RFC 7296 §3.5). The body, header excluded, is what AUTH signs (§2.15). */
import { Reader, Writer } from "../octets.ts";

export interface IdPayload {
  readonly type: "IDi" | "IDr";
  /** iana IdentificationType. */
  readonly idType: number;
  readonly data: Uint8Array;
}

export function decodeId(type: IdPayload["type"], body: Uint8Array): IdPayload {
  const reader = new Reader(body);
  const idType = reader.u8();
  reader.skip(3);
  return { type, idType, data: reader.rest() };
}

/** RESERVED is written as zero, as §3.5 demands of every sender; a peer that breaks this signs other octets and fails AUTH. */
export function encodeId(payload: Pick<IdPayload, "idType" | "data">): Uint8Array {
  return new Writer().u8(payload.idType).zeros(3).octets(payload.data).finish();
}
