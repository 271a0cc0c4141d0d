// Transport mode (RFC 4303 §3.1.1): ESP stands behind the IP header of a packet that goes from one end to the other, so that header need not
// travel twice. Outbound it is left out, for the socket writes it; inbound it is made anew, from what is known of the SA.
import { ISA_IP_HEADER, VNET_HEADER } from "../layout";
import { writeIpv4Checksum } from "./checksum";
import { load16, store16 } from "./octets";

const IPV4_HEADER: i32 = 20;
const IPV6_HEADER: i32 = 40;
/** Before each packet made anew: a virtio-net header, and space to start it on 16 octets; behind it, what a vectorised copy may touch. */
const ROOM_AROUND: usize = 96;

/** Octets of the IP header that does not travel; 0: a packet that ESP cannot be put into. */
export function headerLeftOut(ip: usize): i32 {
  if (load<u8>(ip) >> 4 == 4) return (load16(ip + 6) & 0x3fff) == 0 ? (<i32>(load<u8>(ip) & 15)) << 2 : 0;
  const next = load<u8>(ip, 6);
  // Hop-by-hop options, routing and fragment headers belong before ESP; destination options may stand behind it.
  return next == 0 || next == 43 || next == 44 ? 0 : IPV6_HEADER;
}

/** Next Header of the ESP trailer: what follows the header that is left out. */
export function protocolBehind(ip: usize): u32 {
  return load<u8>(ip) >> 4 == 4 ? load<u8>(ip, 9) : load<u8>(ip, 6);
}

let arena: usize = 0;
let arenaEnd: usize = 0;
let cursor: usize = 0;
let reserved: usize = 0;

/** Where packets are made anew: there is no room before a payload where it lies, as packets merged by the kernel lie back to back. */
export function configureRebuilding(from: usize, end: usize): void {
  arena = from;
  arenaEnd = end;
  beginRebuilding();
}

/** The packets of the burst before are delivered. */
export function beginRebuilding(): void {
  cursor = arena;
  reserved = arena;
}

/** Sees to it that there is room for one more ESP packet of `size` octets. False: the burst has to be finished first. */
export function reserveRebuilt(size: i32): bool {
  const end = reserved + <usize>size + ROOM_AROUND;
  if (end > arenaEnd) return false;
  reserved = end;
  return true;
}

/**
 * The whole packet of an inbound SA, of `length` octets of payload of protocol `next`, in place of the one that came with DSCP and ECN `tos`: these
 * are those of the packet itself, there is no other header. Returns its address; {@link rebuiltLength} is its length.
 */
export function rebuild(sa: usize, payload: usize, length: i32, next: u32, tos: u32): usize {
  const template = sa + ISA_IP_HEADER;
  const ip = ((cursor + 15) & ~15) + 16;
  const isIpv4 = load<u8>(template) >> 4 == 4;
  const header = isIpv4 ? IPV4_HEADER : IPV6_HEADER;
  memory.copy(ip, template, header);
  memory.copy(ip + header, payload, length);
  rebuiltLength = header + length;
  cursor = ip + rebuiltLength;
  if (isIpv4) {
    store<u8>(ip, <u8>tos, 1);
    store16(ip + 2, rebuiltLength);
    store<u8>(ip, <u8>next, 9);
    writeIpv4Checksum(ip);
  } else {
    store16(ip, 0x6000 | (tos << 4));
    store16(ip + 4, length);
    store<u8>(ip, <u8>next, 6);
  }
  return ip;
}

export let rebuiltLength: i32 = 0;
