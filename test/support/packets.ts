/** Plain, slow builders and checkers of IP packets: the references that the kernels are held against. */
import { strict as assert } from "node:assert";

/** RFC 1071, a word at a time. */
export function referenceChecksum(octets: Uint8Array, initial = 0): number {
  let sum = initial;
  for (let i = 0; i < octets.length; i += 2) sum += ((octets[i] ?? 0) << 8) | (octets[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return ~sum & 0xffff;
}

export interface PacketFields {
  readonly family: 4 | 6;
  readonly protocol: "tcp" | "udp";
  readonly source?: Uint8Array;
  readonly destination?: Uint8Array;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly tos?: number;
  readonly id?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly flags?: number;
  readonly window?: number;
  /** A multiple of 4 octets. */
  readonly options?: Uint8Array;
  readonly payload: Uint8Array;
  /** Leave only the pseudo-header's sum in the checksum field, as the kernel does before offloading. */
  readonly partialChecksum?: boolean;
}

const ADDRESSES = {
  4: { source: Uint8Array.of(10, 1, 0, 1), destination: Uint8Array.of(10, 2, 0, 1) },
  6: {
    source: Uint8Array.of(0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    destination: Uint8Array.of(0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
  },
};

/** A whole IP packet with right lengths and checksums. */
export function buildPacket(fields: PacketFields): Uint8Array {
  const { family, protocol, payload } = fields;
  const source = fields.source ?? ADDRESSES[family].source;
  const destination = fields.destination ?? ADDRESSES[family].destination;
  const options = fields.options ?? new Uint8Array(0);
  const ipHeader = family === 4 ? 20 : 40;
  const transportHeader = protocol === "tcp" ? 20 + options.length : 8;
  const packet = new Uint8Array(ipHeader + transportHeader + payload.length);
  const view = new DataView(packet.buffer);
  const number = protocol === "tcp" ? 6 : 17;
  const transportLength = transportHeader + payload.length;
  if (family === 4) {
    packet[0] = 0x45;
    packet[1] = fields.tos ?? 0;
    view.setUint16(2, packet.length & 0xffff);
    view.setUint16(4, fields.id ?? 0x1234);
    view.setUint16(6, 0x4000);
    packet[8] = 64;
    packet[9] = number;
    packet.set(source, 12);
    packet.set(destination, 16);
    view.setUint16(10, referenceChecksum(packet.subarray(0, 20)));
  } else {
    view.setUint32(0, 0x60000000 | ((fields.tos ?? 0) << 20));
    view.setUint16(4, transportLength);
    packet[6] = number;
    packet[7] = 64;
    packet.set(source, 8);
    packet.set(destination, 24);
  }
  const t = ipHeader;
  view.setUint16(t, fields.sourcePort ?? 40000);
  view.setUint16(t + 2, fields.destinationPort ?? 5201);
  if (protocol === "tcp") {
    view.setUint32(t + 4, fields.sequence ?? 1000);
    view.setUint32(t + 8, fields.acknowledgement ?? 2000);
    packet[t + 12] = (transportHeader / 4) << 4;
    packet[t + 13] = fields.flags ?? 0x10;
    view.setUint16(t + 14, fields.window ?? 512);
    packet.set(options, t + 20);
  } else {
    view.setUint16(t + 4, transportLength);
  }
  packet.set(payload, t + transportHeader);
  const at = t + (protocol === "tcp" ? 16 : 6);
  if (fields.partialChecksum === true) {
    view.setUint16(at, ~pseudoHeaderChecksum(source, destination, number, transportLength) & 0xffff);
  } else {
    const checksum = transportChecksum(source, destination, number, packet.subarray(t));
    view.setUint16(at, protocol === "udp" && checksum === 0 ? 0xffff : checksum);
  }
  return packet;
}

function pseudoHeader(source: Uint8Array, destination: Uint8Array, protocol: number, length: number): Uint8Array {
  const tail = new Uint8Array(8);
  new DataView(tail.buffer).setUint32(0, length);
  tail[7] = protocol;
  return Uint8Array.from([...source, ...destination, ...tail]);
}

function pseudoHeaderChecksum(source: Uint8Array, destination: Uint8Array, protocol: number, length: number): number {
  return referenceChecksum(pseudoHeader(source, destination, protocol, length));
}

function transportChecksum(source: Uint8Array, destination: Uint8Array, protocol: number, segment: Uint8Array): number {
  return referenceChecksum(Uint8Array.from([...pseudoHeader(source, destination, protocol, segment.length), ...segment]));
}

/** Asserts that lengths and checksums of a TCP or UDP packet are right. */
export function assertPacketSound(packet: Uint8Array): void {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const v4 = (packet[0] ?? 0) >> 4 === 4;
  const ipHeader = v4 ? 20 : 40;
  if (v4) {
    assert.equal(view.getUint16(2), packet.length, "IPv4 total length");
    assert.equal(referenceChecksum(packet.subarray(0, 20)), 0, "IPv4 header checksum");
  } else {
    assert.equal(view.getUint16(4) + 40, packet.length, "IPv6 payload length");
  }
  const protocol = packet[v4 ? 9 : 6] ?? 0;
  const addresses = v4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const half = addresses.length / 2;
  assert.equal(
    transportChecksum(addresses.slice(0, half), addresses.slice(half), protocol, packet.subarray(ipHeader)),
    0,
    "transport checksum",
  );
  if (protocol === 17) assert.equal(view.getUint16(ipHeader + 4), packet.length - ipHeader, "UDP length");
}

/** What a super-packet must become: RFC 9293 segments of `size` octets of payload each. */
export function referenceSegments(fields: PacketFields, size: number): Uint8Array[] {
  const segments: Uint8Array[] = [];
  const { payload } = fields;
  for (let at = 0, i = 0; at < payload.length; at += size, i++) {
    const last = at + size >= payload.length;
    let flags = fields.flags ?? 0x10;
    if (!last) flags &= ~0x09;
    if (i > 0) flags &= ~0x80;
    segments.push(
      buildPacket({
        ...fields,
        partialChecksum: false,
        payload: payload.subarray(at, at + size),
        flags,
        id: ((fields.id ?? 0x1234) + i) & 0xffff,
        sequence: ((fields.sequence ?? 1000) + at) >>> 0,
      }),
    );
  }
  return segments;
}

/** Deterministic octets: mulberry32. */
export function seededRandom(seed: number): { next(): number; below(n: number): number; octets(n: number): Uint8Array } {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return { next, below, octets: (n) => Uint8Array.from({ length: n }, () => below(256)) };
}
