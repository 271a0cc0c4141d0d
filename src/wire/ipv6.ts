/** A view of an IPv6 header (RFC 8200 §3) and the way through its extension headers (§4). */
import { IpProtocol } from "./iana/index.ts";

export const IPV6_HEADER_LENGTH = 40;

/** More than any honest packet has; beyond, the transport header counts as not found. */
const MAX_EXTENSION_HEADERS = 8;

/** Accessors cannot fail: {@link over} checked once that the fixed header is there. Nothing is copied. */
export class Ipv6View {
  readonly version = 6;
  readonly #octets: DataView;

  private constructor(octets: DataView) {
    this.#octets = octets;
  }

  /** Undefined unless `packet` begins with a whole fixed header of IPv6. */
  static over(packet: Uint8Array): Ipv6View | undefined {
    if (packet.length < IPV6_HEADER_LENGTH || (packet[0] ?? 0) >> 4 !== 6) return undefined;
    return new Ipv6View(new DataView(packet.buffer, packet.byteOffset, packet.byteLength));
  }

  /** RFC 2474: 6 bits. */
  get dscp(): number {
    return (this.#octets.getUint16(0) >> 6) & 0x3f;
  }

  /** RFC 3168: 2 bits. */
  get ecn(): number {
    return (this.#octets.getUint16(0) >> 4) & 0b11;
  }

  /** RFC 6437: 20 bits. */
  get flowLabel(): number {
    return this.#octets.getUint32(0) & 0xfffff;
  }

  /** Octets of fixed header and payload, as the header claims; may be more than there are. */
  get totalLength(): number {
    return IPV6_HEADER_LENGTH + this.#octets.getUint16(4);
  }

  /** Of the fixed header: an extension header's number or the transport protocol. */
  get nextHeader(): number {
    return this.#octets.getUint8(6);
  }

  get hopLimit(): number {
    return this.#octets.getUint8(7);
  }

  get source(): bigint {
    return this.#address(8);
  }

  get destination(): bigint {
    return this.#address(24);
  }

  #address(at: number): bigint {
    return (this.#octets.getBigUint64(at) << 64n) | this.#octets.getBigUint64(at + 8);
  }
}

/** RFC 8200 §4.5. */
export interface Ipv6Fragment {
  readonly identification: number;
  /** Octets, a multiple of 8. */
  readonly offset: number;
  readonly more: boolean;
}

export interface Ipv6Transport {
  /** The first header that is no extension header; behind a later fragment's header, the Next Header that the fragment header names. */
  readonly protocol: number;
  /** Octets from the start of the packet. */
  readonly offset: number;
  readonly fragment: Ipv6Fragment | undefined;
}

/**
 * Walks from the fixed header to the transport header. AH and ESP are transports here, as selectors see them. Undefined where a header
 * runs past the end of `packet` or there are more than eight.
 */
export function findIpv6Transport(packet: Uint8Array): Ipv6Transport | undefined {
  const octets = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  if (packet.length < IPV6_HEADER_LENGTH) return undefined;
  let protocol = octets.getUint8(6);
  let offset = IPV6_HEADER_LENGTH;
  let fragment: Ipv6Fragment | undefined;
  for (let passed = 0; isExtensionHeader(protocol); passed++) {
    if (passed === MAX_EXTENSION_HEADERS || offset + 8 > packet.length) return undefined;
    const nextHeader = octets.getUint8(offset);
    if (protocol === IpProtocol.IPV6_FRAG) {
      const word = octets.getUint16(offset + 2);
      fragment = { identification: octets.getUint32(offset + 4), offset: word & 0xfff8, more: (word & 1) !== 0 };
      offset += 8;
      // What follows in a later fragment is the middle of something, not a header.
      if (fragment.offset !== 0) return { protocol: nextHeader, offset, fragment };
    } else {
      offset += 8 * (octets.getUint8(offset + 1) + 1);
    }
    protocol = nextHeader;
  }
  return offset <= packet.length ? { protocol, offset, fragment } : undefined;
}

const isExtensionHeader = (protocol: number): boolean =>
  protocol === IpProtocol.HOPOPT ||
  protocol === IpProtocol.IPV6_ROUTE ||
  protocol === IpProtocol.IPV6_FRAG ||
  protocol === IpProtocol.IPV6_OPTS;
