// Inbound, last stage: consecutive inner packets of one flow become one super-packet for the TUN device (virtio-net header with GSO), as the
// kernel's GRO would make it. Nothing is copied: the result is a list of I/O vectors over the packets where they lie. Checksums are verified
// before packets are joined and never invented (RFC 9293 §3.1): a packet that fails is delivered alone, as it came.
import {
  DELIVERY_OCTETS,
  DELIVERY_PACKETS,
  DELIVERY_SIZE,
  DELIVERY_VECTOR,
  DELIVERY_VECTORS,
  IN_LENGTH,
  IN_PACKET,
  IN_SIZE,
  IOV_SIZE,
  VNET_HEADER,
} from "../layout";
import { pseudoHeader, sum, writeIpv4Checksum } from "./checksum";
import { VNET_GSO_TCPV4, VNET_GSO_TCPV6, VNET_GSO_UDP_L4 } from "./classify";
import { base, deliveries, iovs, received } from "./context";
import { load16, load32, store16 } from "./octets";
import { Results } from "./results";

// Of the packet in hand: its first I/O vector, how many it has, its octets (virtio-net header included), and the records it took.
let firstVector: usize = 0;
let vectorCount: i32 = 0;
let vectorOctets: i32 = 0;
let recordsTaken: i32 = 0;

const MAX_SUPER_PACKET: i32 = 65535;
const MAX_UDP_SEGMENTS: i32 = 64; // UDP_MAX_SEGMENTS of kernels before 6.9
const TCP_ACK: u32 = 0x10;
const TCP_PSH: u32 = 0x08;

let udpOffload: bool = false;

/** The TUN device takes UDP super-packets (TUN_F_USO4/6, Linux 6.2). */
export function configureCoalescing(udp: bool): void {
  udpOffload = udp;
}

function vector(i: i32, at: usize, length: i32): void {
  const record = firstVector + <usize>i * IOV_SIZE;
  store<u64>(record, base + <u64>at);
  store<u64>(record, <u64>length, 8);
}

/** Transport offset of a packet that may be joined: plain IPv4 header or IPv6 without extension headers, no fragment. 0: not one. */
function joinable(p: usize, length: i32): i32 {
  if (load<u8>(p) >> 4 == 4) return load<u8>(p) == 0x45 && (load16(p + 6) & 0x3fff) == 0 && <i32>load16(p + 2) == length ? 20 : 0;
  return <i32>load16(p + 4) + 40 == length ? 40 : 0;
}

function protocolOf(p: usize): u32 {
  return load<u8>(p) >> 4 == 4 ? <u32>load<u8>(p + 9) : <u32>load<u8>(p + 6);
}

/** Same addresses, TOS or traffic class, TTL or hop limit, DF, version: what must be alike for one header to stand for both. */
function sameIp(a: usize, b: usize): bool {
  if (load<u8>(a) != load<u8>(b)) return false;
  if (load<u8>(a) >> 4 == 4) {
    return (
      load<u8>(a, 1) == load<u8>(b, 1) &&
      load<u16>(a, 6) == load<u16>(b, 6) &&
      load<u16>(a, 8) == load<u16>(b, 8) &&
      load<u64>(a, 12) == load<u64>(b, 12)
    );
  }
  return (
    load<u32>(a) == load<u32>(b) &&
    load<u16>(a, 6) == load<u16>(b, 6) &&
    load<u64>(a, 8) == load<u64>(b, 8) &&
    load<u64>(a, 16) == load<u64>(b, 16) &&
    load<u64>(a, 24) == load<u64>(b, 24) &&
    load<u64>(a, 32) == load<u64>(b, 32)
  );
}

function transportChecksumGood(p: usize, transport: i32, length: i32, protocol: u32): bool {
  return sum(p + transport, length - transport, pseudoHeader(p, length - transport, protocol)) == 0xffff;
}

/**
 * Joins what `finish` has left, and lists what to write to the TUN device: for each packet its I/O vectors, octets and records. Every record has
 * one vector in one of them, so there is room for all.
 */
export function join(): void {
  const count = Results.preparedCount;
  let delivery = deliveries;
  let number = 0;
  firstVector = iovs;
  for (let i = 0; i < count;) {
    if (load<u32>(received + <usize>i * IN_SIZE, IN_LENGTH) == 0) {
      i++;
      continue;
    }
    coalesce(i, count);
    store<u32>(delivery, <u32>firstVector, DELIVERY_VECTOR);
    store<i32>(delivery, vectorCount, DELIVERY_VECTORS);
    store<i32>(delivery, vectorOctets, DELIVERY_OCTETS);
    store<i32>(delivery, recordsTaken, DELIVERY_PACKETS);
    delivery += DELIVERY_SIZE;
    number++;
    firstVector += <usize>vectorCount * IOV_SIZE;
    i += recordsTaken;
  }
  Results.deliveryCount = number;
}

/** Builds the vectors for the packet in record `from` and those behind it that can be joined; `count` records are there. */
function coalesce(from: i32, count: i32): void {
  const first = received + <usize>from * IN_SIZE;
  const p = <usize>load<u32>(first, IN_PACKET);
  const length = <i32>load<u32>(first, IN_LENGTH);
  const vnet = p - VNET_HEADER; // lies in the ESP header, which is done with
  store<u64>(vnet, 0);
  store<u16>(vnet, 0, 8);
  vector(0, vnet, length + VNET_HEADER);
  vectorCount = 1;
  vectorOctets = length + VNET_HEADER;
  recordsTaken = 1;
  if (from + 1 >= count) return;
  const transport = joinable(p, length);
  if (transport == 0) return;
  const protocol = protocolOf(p);
  if (protocol == 6) joinTcp(p, length, transport, from, count, vnet);
  else if (protocol == 17 && udpOffload) joinUdp(p, length, transport, from, count, vnet);
}

function joinTcp(p: usize, length: i32, transport: i32, from: i32, count: i32, vnet: usize): void {
  if (transport + 20 > length) return;
  const t = p + transport;
  const tcpHeader = (<i32>(load<u8>(t, 12) >> 4)) << 2;
  const header = transport + tcpHeader;
  const size = length - header;
  if (tcpHeader < 20 || size <= 0 || <u32>load<u8>(t, 13) != TCP_ACK) return;
  let total = length;
  let next = load32(t + 4) + size;
  let verified = false;
  while (from + recordsTaken < count) {
    const record = received + <usize>(from + recordsTaken) * IN_SIZE;
    const q = <usize>load<u32>(record, IN_PACKET);
    const n = <i32>load<u32>(record, IN_LENGTH);
    if (
      n <= header ||
      n > length ||
      total + n - header > MAX_SUPER_PACKET ||
      !sameIp(p, q) ||
      joinable(q, n) != transport ||
      protocolOf(q) != 6
    )
      break;
    const u = q + transport;
    const flags = <u32>load<u8>(u, 13);
    if ((flags & ~TCP_PSH) != TCP_ACK || load32(u + 4) != next) break;
    // Ports, acknowledgement, header length, window and options must be alike.
    if (
      load<u32>(t) != load<u32>(u) ||
      load<u32>(t, 8) != load<u32>(u, 8) ||
      load<u8>(t, 12) != load<u8>(u, 12) ||
      load<u16>(t, 14) != load<u16>(u, 14)
    )
      break;
    if (!sameOctets(t + 20, u + 20, tcpHeader - 20)) break;
    if (!verified) {
      if (!transportChecksumGood(p, transport, length, 6)) return;
      verified = true;
    }
    if (!transportChecksumGood(q, transport, n, 6)) break;
    vector(vectorCount++, q + header, n - header);
    total += n - header;
    next += n - header;
    recordsTaken++;
    // A short segment or PSH ends the aggregate: what comes after would change where the boundaries lie.
    if ((flags & TCP_PSH) != 0) {
      store<u8>(t, <u8>(TCP_ACK | TCP_PSH), 13);
      break;
    }
    if (n < length) break;
  }
  if (recordsTaken == 1) return;
  writeSuper(p, total, header, transport, size, 16, 6, vnet);
  store<u8>(vnet, <u8>(transport == 20 ? VNET_GSO_TCPV4 : VNET_GSO_TCPV6), 1);
}

function joinUdp(p: usize, length: i32, transport: i32, from: i32, count: i32, vnet: usize): void {
  const header = transport + 8;
  const size = length - header;
  const t = p + transport;
  // A datagram without a checksum (RFC 768) cannot be verified, so it is not joined.
  if (size <= 0 || load16(t + 4) != length - transport || load<u16>(t, 6) == 0) return;
  let total = length;
  let verified = false;
  while (from + recordsTaken < count && recordsTaken < MAX_UDP_SEGMENTS) {
    const record = received + <usize>(from + recordsTaken) * IN_SIZE;
    const q = <usize>load<u32>(record, IN_PACKET);
    const n = <i32>load<u32>(record, IN_LENGTH);
    if (
      n <= header ||
      n > length ||
      total + n - header > MAX_SUPER_PACKET ||
      !sameIp(p, q) ||
      joinable(q, n) != transport ||
      protocolOf(q) != 17
    )
      break;
    const u = q + transport;
    if (load<u32>(t) != load<u32>(u) || load16(u + 4) != n - transport || load<u16>(u, 6) == 0) break;
    if (!verified) {
      if (!transportChecksumGood(p, transport, length, 17)) return;
      verified = true;
    }
    if (!transportChecksumGood(q, transport, n, 17)) break;
    vector(vectorCount++, q + header, n - header);
    total += n - header;
    recordsTaken++;
    if (n < length) break;
  }
  if (recordsTaken == 1) return;
  store16(t + 4, total - transport);
  writeSuper(p, total, header, transport, size, 6, 17, vnet);
  store<u8>(vnet, <u8>VNET_GSO_UDP_L4, 1);
}

function sameOctets(a: usize, b: usize, n: i32): bool {
  for (; n >= 4; n -= 4, a += 4, b += 4) if (load<u32>(a) != load<u32>(b)) return false;
  return true;
}

/** Header of the whole: lengths, the pseudo-header's sum in the checksum field for the kernel to complete, and the virtio-net header. */
function writeSuper(p: usize, total: i32, header: i32, transport: i32, size: i32, checksumAt: i32, protocol: u32, vnet: usize): void {
  if (transport == 20) {
    store16(p + 2, total);
    writeIpv4Checksum(p);
  } else {
    store16(p + 4, total - 40);
  }
  store<u16>(p + transport + checksumAt, <u16>pseudoHeader(p, total - transport, protocol));
  store<u8>(vnet, 1); // VIRTIO_NET_HDR_F_NEEDS_CSUM
  store<u16>(vnet, <u16>header, 2);
  store<u16>(vnet, <u16>size, 4);
  store<u16>(vnet, <u16>transport, 6);
  store<u16>(vnet, <u16>checksumAt, 8);
  vectorOctets = total + VNET_HEADER;
}
