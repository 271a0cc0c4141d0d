import type { InboundSaSpec } from "../../ipsec/sadb.ts";
import { addressOctets } from "../../wire/address.ts";
import type { TrafficSelector } from "../../wire/traffic-selector.ts";

const HOP_LIMIT = 64;
const DO_NOT_FRAGMENT = 0x40;

/**
 * What the IP headers of all packets of an inbound SA in transport mode have alike: 20 or 40 octets, in which length, protocol, DSCP, ECN and
 * checksum are zero. The addresses are those of the selectors, the two ends' own; so they stay what they were when ESP itself comes from elsewhere.
 *
 * @throws Error for an SA without selectors
 */
export function headerTemplate({ localTs, remoteTs }: Pick<InboundSaSpec, "localTs" | "remoteTs">): Uint8Array {
  const [source, destination] = [addressOf(remoteTs), addressOf(localTs)];
  const header = new Uint8Array(source.length === 4 ? 20 : 40);
  if (source.length === 4) {
    // ESP came whole, with DF, and an atomic packet may have any identification (RFC 6864 §4.1).
    header.set([0x45, 0, 0, 0, 0, 0, DO_NOT_FRAGMENT, 0, HOP_LIMIT]);
  } else header.set([0x60, 0, 0, 0, 0, 0, 0, HOP_LIMIT]);
  header.set(destination, header.length - destination.length);
  header.set(source, header.length - 2 * source.length);
  return header;
}

function addressOf([first]: readonly TrafficSelector[]): Uint8Array {
  if (first === undefined) throw new Error("an SA in transport mode has no selectors to take its addresses from");
  return addressOctets({ family: first.family, value: first.start });
}
