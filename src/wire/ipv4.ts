/** A view of an IPv4 header (RFC 791 §3.1). */

const MIN_HEADER_LENGTH = 20;

/** Accessors cannot fail: {@link over} checked once that the whole header is there. Nothing is copied. */
export class Ipv4View {
  readonly version = 4;
  readonly #octets: DataView;

  private constructor(octets: DataView) {
    this.#octets = octets;
  }

  /** Undefined unless `packet` begins with a whole IPv4 header, options included, whose total length covers it. */
  static over(packet: Uint8Array): Ipv4View | undefined {
    if (packet.length < MIN_HEADER_LENGTH) return undefined;
    const view = new Ipv4View(new DataView(packet.buffer, packet.byteOffset, packet.byteLength));
    const isWhole =
      view.#octets.getUint8(0) >> 4 === 4 &&
      view.headerLength >= MIN_HEADER_LENGTH &&
      view.headerLength <= packet.length &&
      view.headerLength <= view.totalLength;
    return isWhole ? view : undefined;
  }

  /** Octets, options included. */
  get headerLength(): number {
    return (this.#octets.getUint8(0) & 0x0f) * 4;
  }

  /** RFC 2474: 6 bits. */
  get dscp(): number {
    return this.#octets.getUint8(1) >> 2;
  }

  /** RFC 3168: 2 bits. */
  get ecn(): number {
    return this.#octets.getUint8(1) & 0b11;
  }

  /** Octets of header and payload, as the header claims; may be more than there are. */
  get totalLength(): number {
    return this.#octets.getUint16(2);
  }

  get identification(): number {
    return this.#octets.getUint16(4);
  }

  get dontFragment(): boolean {
    return (this.#octets.getUint8(6) & 0x40) !== 0;
  }

  get moreFragments(): boolean {
    return (this.#octets.getUint8(6) & 0x20) !== 0;
  }

  /** Octets, a multiple of 8. */
  get fragmentOffset(): number {
    return (this.#octets.getUint16(6) & 0x1fff) * 8;
  }

  get hopLimit(): number {
    return this.#octets.getUint8(8);
  }

  get protocol(): number {
    return this.#octets.getUint8(9);
  }

  get headerChecksum(): number {
    return this.#octets.getUint16(10);
  }

  get source(): bigint {
    return BigInt(this.#octets.getUint32(12));
  }

  get destination(): bigint {
    return BigInt(this.#octets.getUint32(16));
  }
}
