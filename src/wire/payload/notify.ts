/** Notify payload (RFC 7296 §3.10). What the data of each type means is in ../notify.ts. */
import { Reader, Writer } from "../octets.ts";

export interface NotifyPayload {
  readonly type: "NOTIFY";
  /** iana ProtocolId of the SA that the notify concerns; NONE (0) when `spi` is empty. */
  readonly protocolId: number;
  /** Empty unless the notify concerns one SA other than the IKE SA that carries it. */
  readonly spi: Uint8Array;
  /** iana NotifyType, private-use types included. */
  readonly notifyType: number;
  readonly data: Uint8Array;
}

export function decodeNotify(body: Uint8Array): NotifyPayload {
  const reader = new Reader(body);
  const protocolId = reader.u8();
  const spiSize = reader.u8();
  const notifyType = reader.u16();
  return { type: "NOTIFY", protocolId, spi: reader.take(spiSize), notifyType, data: reader.rest() };
}

export function encodeNotify(payload: NotifyPayload): Uint8Array {
  return new Writer(8 + payload.spi.length + payload.data.length)
    .u8(payload.protocolId)
    .u8(payload.spi.length)
    .u16(payload.notifyType)
    .octets(payload.spi)
    .octets(payload.data)
    .finish();
}
