/** Delete payload (RFC 7296 §3.11): the sender's inbound SPIs of SAs that are gone. */
import { MalformedMessage } from "../errors.ts";
import { ProtocolId } from "../iana/index.ts";
import { Reader, Writer } from "../octets.ts";

export interface DeletePayload {
  readonly type: "DELETE";
  /** iana ProtocolId. */
  readonly protocolId: number;
  /** Octets of each SPI: 0 for IKE, whose SPI is in the message's header, 4 for ESP and AH. */
  readonly spiSize: number;
  readonly spis: readonly Uint8Array[];
}

export function decodeDelete(body: Uint8Array): DeletePayload {
  const reader = new Reader(body);
  const protocolId = reader.u8();
  const spiSize = reader.u8();
  const count = reader.u16();
  if (spiSize !== expectedSpiSize(protocolId, spiSize)) {
    throw new MalformedMessage("bad-spi-size", `Delete of ${ProtocolId.nameOf(protocolId)} with SPIs of ${spiSize} octets`);
  }
  // Also what keeps 65,535 SPIs of no octets from becoming as many array elements.
  if (spiSize === 0 && count !== 0) throw new MalformedMessage("bad-count", `Delete announces ${count} SPIs of no octets`);
  const spis = Array.from({ length: Math.min(count, body.length) }, () => reader.take(spiSize));
  reader.expectEnd("Delete");
  if (spis.length !== count) throw new MalformedMessage("truncated", `Delete announces ${count} SPIs`);
  return { type: "DELETE", protocolId, spiSize, spis };
}

export function encodeDelete(payload: DeletePayload): Uint8Array {
  const writer = new Writer().u8(payload.protocolId).u8(payload.spiSize).u16(payload.spis.length);
  for (const spi of payload.spis) {
    if (spi.length !== payload.spiSize) throw new RangeError(`an SPI of ${spi.length} octets in a Delete of ${payload.spiSize}-octet SPIs`);
    writer.octets(spi);
  }
  return writer.finish();
}

/** `given` for protocols of which we know nothing. */
function expectedSpiSize(protocolId: number, given: number): number {
  if (protocolId === ProtocolId.IKE) return 0;
  return protocolId === ProtocolId.ESP || protocolId === ProtocolId.AH ? 4 : given;
}
