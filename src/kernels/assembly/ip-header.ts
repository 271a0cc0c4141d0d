// One parse of an inner IP header, for selectors and flows: RFC 791, RFC 8200. Results stand in globals until the next parse.
import { load16, load32, load64 } from "./octets";

export let family: u32 = 0;
export let protocol: u32 = 0;
export let sourceHigh: u64 = 0;
export let sourceLow: u64 = 0;
export let destinationHigh: u64 = 0;
export let destinationLow: u64 = 0;
/** RFC 4301 §4.4.1.1: ports of TCP, UDP, SCTP, DCCP, UDP-Lite; for ICMP type and code in one number on both sides. */
export let sourcePort: u32 = 0;
export let destinationPort: u32 = 0;
/** False for a fragment that is not the first, and for protocols without ports: only a selector for all ports matches. */
export let hasPorts: bool = false;
export let isFragment: bool = false;
export let isLaterFragment: bool = false;
export let transportOffset: i32 = 0;
/** Octets of the packet as its header says. */
export let totalLength: i32 = 0;
export let tos: u32 = 0;

const MAX_EXTENSION_HEADERS: i32 = 8;

/** Parses the packet at `p`, of which `available` octets are there. False: not a well-formed IP packet that fits. */
export function parseIp(p: usize, available: i32): bool {
  if (available < 20) return false;
  const version = load<u8>(p) >> 4;
  isFragment = false;
  isLaterFragment = false;
  hasPorts = false;
  sourcePort = 0;
  destinationPort = 0;
  if (version == 4) {
    const headerLength = (<i32>(load<u8>(p) & 15)) << 2;
    totalLength = <i32>load16(p + 2);
    if (headerLength < 20 || totalLength < headerLength || totalLength > available) return false;
    family = 4;
    tos = <u32>load<u8>(p + 1);
    const fragment = load16(p + 6);
    isLaterFragment = (fragment & 0x1fff) != 0;
    isFragment = (fragment & 0x3fff) != 0;
    protocol = <u32>load<u8>(p + 9);
    sourceHigh = 0;
    sourceLow = <u64>load32(p + 12);
    destinationHigh = 0;
    destinationLow = <u64>load32(p + 16);
    transportOffset = headerLength;
  } else if (version == 6) {
    if (available < 40) return false;
    totalLength = 40 + <i32>load16(p + 4);
    if (totalLength > available) return false;
    family = 6;
    tos = (load16(p) >> 4) & 0xff;
    sourceHigh = load64(p + 8);
    sourceLow = load64(p + 16);
    destinationHigh = load64(p + 24);
    destinationLow = load64(p + 32);
    if (!walkExtensionHeaders(p)) return false;
  } else {
    return false;
  }
  if (!isLaterFragment) readPorts(p);
  return true;
}

/** RFC 8200 §4: to the transport header. False where a header runs past the packet or there are too many. */
function walkExtensionHeaders(p: usize): bool {
  let next: u32 = <u32>load<u8>(p + 6);
  let offset: i32 = 40;
  for (let i = 0; i < MAX_EXTENSION_HEADERS; i++) {
    if (next == 44) {
      if (offset + 8 > totalLength) return false;
      const fragment = load16(p + offset + 2);
      isFragment = true;
      isLaterFragment = (fragment & 0xfff8) != 0;
      next = <u32>load<u8>(p + offset);
      offset += 8;
      if (isLaterFragment) break;
    } else if (next == 0 || next == 43 || next == 60) {
      if (offset + 8 > totalLength) return false;
      const length = (<i32>load<u8>(p + offset + 1) + 1) << 3;
      next = <u32>load<u8>(p + offset);
      offset += length;
      if (offset > totalLength) return false;
    } else {
      break;
    }
  }
  // Unless it is a later fragment, which may well carry the rest of an extension header, the walk must have come to a transport.
  if (!isLaterFragment && (next == 0 || next == 43 || next == 60)) return false;
  protocol = next;
  transportOffset = offset;
  return true;
}

function readPorts(p: usize): void {
  const room = totalLength - transportOffset;
  const t = p + transportOffset;
  if (protocol == 6 || protocol == 17 || protocol == 132 || protocol == 33 || protocol == 136) {
    if (room < 4) return;
    sourcePort = load16(t);
    destinationPort = load16(t + 2);
    hasPorts = true;
  } else if (protocol == 1 || protocol == 58) {
    if (room < 2) return;
    sourcePort = load16(t);
    destinationPort = sourcePort;
    hasPorts = true;
  }
}
