/** How much of an IKE message fits one IP datagram of the configured size. */
import type { SocketAddress } from "../ipsec/sadb.ts";
import { familyOf } from "./addresses.ts";

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const UDP_HEADER = 8;
const NON_ESP_MARKER = 4;

/**
 * Octets left for the IKE message.
 *
 * @param size of the IP datagram, headers included: `fragment_size`
 * @param marker whether a non-ESP marker goes before the message (RFC 7296 §2.23)
 */
export function messageRoom(size: number, remote: SocketAddress, marker: boolean): number {
  const headers = (familyOf(remote.address) === 4 ? IPV4_HEADER : IPV6_HEADER) + UDP_HEADER + (marker ? NON_ESP_MARKER : 0);
  return size - headers;
}
