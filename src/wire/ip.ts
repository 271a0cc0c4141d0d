/** What IPsec must know of an IP packet of either version: its selectors (RFC 4301 §4.4.1.1), lengths, DSCP and ECN. */
import { formatAddress, type Address, type AddressFamily } from "./address.ts";
import { IpProtocol } from "./iana/index.ts";
import { Ipv4View } from "./ipv4.ts";
import { findIpv6Transport, Ipv6View } from "./ipv6.ts";

export { checksum, onesComplementSum, pseudoHeaderSum } from "./checksum.ts";
export { Ipv4View } from "./ipv4.ts";
export { Ipv6View } from "./ipv6.ts";

export interface FragmentInfo {
  /** 16 bits in IPv4, 32 in IPv6. */
  readonly identification: number;
  /** Octets, a multiple of 8. Above 0, no port is to be seen. */
  readonly offset: number;
  readonly more: boolean;
}

export interface IpPacket {
  readonly version: AddressFamily;
  readonly source: Address;
  readonly destination: Address;
  /** The transport protocol, found behind any extension headers. */
  readonly protocol: number;
  /** Octets from the packet's start to its transport header (in a later fragment, to its data). */
  readonly transportOffset: number;
  /** Octets of the whole packet, as its header claims. */
  readonly totalLength: number;
  readonly dscp: number;
  readonly ecn: number;
  readonly hopLimit: number;
  /** Always true for IPv6, whose routers never fragment. */
  readonly dontFragment: boolean;
  /** Undefined for a whole packet. */
  readonly fragment: FragmentInfo | undefined;
}

/** Addresses are text (RFC 5952), so that a flow can cross threads and stand in a log as it is. */
export interface Flow {
  readonly protocol: number;
  readonly sourceAddress: string;
  readonly destinationAddress: string;
  /** For ICMP and ICMPv6, type × 256 + code on both sides (RFC 7296 §3.13.1). 0 if `hasPorts` is false. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** False for protocols without ports and where the ports cannot be seen: later fragments, and packets cut short. */
  readonly hasPorts: boolean;
}

/** 4 or 6, or undefined for neither and for no octets at all. */
export function ipVersionOf(packet: Uint8Array): AddressFamily | undefined {
  const version = (packet[0] ?? 0) >> 4;
  return version === 4 || version === 6 ? version : undefined;
}

/**
 * Reads the headers up to the transport header; `packet` may end there although the header claims more. Never throws: undefined means "not
 * an IP packet whose headers are all there".
 */
export function decodeIpPacket(packet: Uint8Array): IpPacket | undefined {
  return ipVersionOf(packet) === 6 ? decodeIpv6(packet) : decodeIpv4(packet);
}

function decodeIpv4(packet: Uint8Array): IpPacket | undefined {
  const view = Ipv4View.over(packet);
  if (view === undefined) return undefined;
  const isFragment = view.moreFragments || view.fragmentOffset > 0;
  return {
    version: 4,
    source: { family: 4, value: view.source },
    destination: { family: 4, value: view.destination },
    protocol: view.protocol,
    transportOffset: view.headerLength,
    totalLength: view.totalLength,
    dscp: view.dscp,
    ecn: view.ecn,
    hopLimit: view.hopLimit,
    dontFragment: view.dontFragment,
    fragment: isFragment ? { identification: view.identification, offset: view.fragmentOffset, more: view.moreFragments } : undefined,
  };
}

function decodeIpv6(packet: Uint8Array): IpPacket | undefined {
  const view = Ipv6View.over(packet);
  const transport = view === undefined ? undefined : findIpv6Transport(packet.subarray(0, view.totalLength));
  if (view === undefined || transport === undefined) return undefined;
  const { fragment } = transport;
  return {
    version: 6,
    source: { family: 6, value: view.source },
    destination: { family: 6, value: view.destination },
    protocol: transport.protocol,
    transportOffset: transport.offset,
    totalLength: view.totalLength,
    dscp: view.dscp,
    ecn: view.ecn,
    hopLimit: view.hopLimit,
    dontFragment: true,
    // RFC 6946: an "atomic" fragment is whole.
    fragment: fragment === undefined || (fragment.offset === 0 && !fragment.more) ? undefined : fragment,
  };
}

/** The selectors of a packet, of which the first octets suffice. Undefined as for {@link decodeIpPacket}. */
export function flowOf(packet: Uint8Array): Flow | undefined {
  const ip = decodeIpPacket(packet);
  if (ip === undefined) return undefined;
  const ports = portsOf(packet.subarray(0, ip.totalLength), ip);
  return {
    protocol: ip.protocol,
    sourceAddress: formatAddress(ip.version, ip.source.value),
    destinationAddress: formatAddress(ip.version, ip.destination.value),
    sourcePort: ports?.[0] ?? 0,
    destinationPort: ports?.[1] ?? 0,
    hasPorts: ports !== undefined,
  };
}

function portsOf(packet: Uint8Array, ip: IpPacket): readonly [number, number] | undefined {
  if (ip.fragment !== undefined && ip.fragment.offset > 0) return undefined;
  const word = (at: number): number | undefined => {
    const [high, low] = packet.subarray(ip.transportOffset + at, ip.transportOffset + at + 2);
    return high === undefined || low === undefined ? undefined : high * 256 + low;
  };
  switch (ip.protocol) {
    case IpProtocol.TCP:
    case IpProtocol.UDP:
    case IpProtocol.UDPLITE:
    case IpProtocol.DCCP:
    case IpProtocol.SCTP:
      return pair(word(0), word(2));
    case IpProtocol.ICMP:
    case IpProtocol.IPV6_ICMP:
      return pair(word(0), word(0));
    default:
      return undefined;
  }
}

const pair = (source: number | undefined, destination: number | undefined): readonly [number, number] | undefined =>
  source === undefined || destination === undefined ? undefined : [source, destination];
