/** NAT detection (RFC 7296 §2.23): both ends hash the addresses as they see them, and compare. */
import { sha1 } from "../crypto/hash.ts";
import type { SocketAddress } from "../ipsec/sadb.ts";
import { addressOctets, parseAddress } from "../wire/address.ts";
import { NotifyType, ProtocolId } from "../wire/iana/index.ts";
import { ikeSpiOctets, type IkeSpi } from "../wire/ike-header.ts";
import { findNotify } from "../wire/notify.ts";
import { equalOctets } from "../wire/octets.ts";
import type { NotifyPayload, Payload } from "../wire/payload.ts";

export interface NatSituation {
  /** The peer sent both kinds of notify: it knows NAT traversal, and so UDP encapsulation on port 4500. */
  readonly supported: boolean;
  /** Our address was changed on the way: we are behind a NAT. */
  readonly here: boolean;
  /** The peer's was, or the peer says so to have ESP in UDP. */
  readonly there: boolean;
}

/** SHA-1(SPIi | SPIr | address | port). SHA-1 only distinguishes here; nothing rests on its strength. */
function addressHash(spiI: IkeSpi, spiR: IkeSpi, { address, port }: SocketAddress): Uint8Array {
  return sha1(ikeSpiOctets(spiI), ikeSpiOctets(spiR), addressOctets(parseAddress(address)), Uint8Array.of(port >> 8, port & 0xff));
}

/**
 * The two notifies of a message from `local` to `remote`.
 *
 * @param pretendNat send a source hash that cannot match, so that the peer takes us to be behind a NAT and puts ESP in UDP: `fake` is 20
 *   octets of entropy in place of the hash
 */
export function natDetectionNotifies(
  spiI: IkeSpi,
  spiR: IkeSpi,
  local: SocketAddress,
  remote: SocketAddress,
  fake: Uint8Array | undefined,
): NotifyPayload[] {
  const notify = (notifyType: number, data: Uint8Array): NotifyPayload => ({
    type: "NOTIFY",
    protocolId: ProtocolId.NONE,
    spi: new Uint8Array(0),
    notifyType,
    data,
  });
  return [
    notify(NotifyType.NAT_DETECTION_SOURCE_IP, fake ?? addressHash(spiI, spiR, local)),
    notify(NotifyType.NAT_DETECTION_DESTINATION_IP, addressHash(spiI, spiR, remote)),
  ];
}

/** How the sender of a message sees us: a hash that changes with our address, as a NAT shows it. Copied. */
export function seenAddressHash(payloads: readonly Payload[]): Uint8Array | undefined {
  return findNotify(payloads, NotifyType.NAT_DETECTION_DESTINATION_IP)?.data.slice();
}

/** What a received message says. There may be several source hashes, of a peer that does not know which address it sends from. */
export function detectNat(
  payloads: readonly Payload[],
  spiI: IkeSpi,
  spiR: IkeSpi,
  local: SocketAddress,
  remote: SocketAddress,
): NatSituation {
  const hashes = (type: number): Uint8Array[] =>
    payloads.flatMap((payload) => (payload.type === "NOTIFY" && payload.notifyType === type ? [payload.data] : []));
  const sources = hashes(NotifyType.NAT_DETECTION_SOURCE_IP);
  const destinations = hashes(NotifyType.NAT_DETECTION_DESTINATION_IP);
  const supported = sources.length > 0 && destinations.length > 0;
  const has = (list: Uint8Array[], hash: Uint8Array): boolean => list.some((one) => equalOctets(one, hash));
  return {
    supported,
    here: supported && !has(destinations, addressHash(spiI, spiR, local)),
    there: supported && !has(sources, addressHash(spiI, spiR, remote)),
  };
}
