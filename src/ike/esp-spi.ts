/** ESP SPIs in IKE payloads. */
import { espSpi, type EspSpi } from "../ipsec/names.ts";
import { ProtocolId } from "../wire/iana/index.ts";
import { Reader, Writer } from "../wire/octets.ts";

/** 4 octets in network order. */
export const espSpiOctets = (spi: EspSpi): Uint8Array => new Writer(4).u32(spi).finish();

/** The inverse; undefined for another protocol or length. */
export function espSpiFromOctets(octets: Uint8Array, protocolId: number): EspSpi | undefined {
  return protocolId === ProtocolId.ESP && octets.length === 4 ? espSpi(new Reader(octets).u32()) : undefined;
}
