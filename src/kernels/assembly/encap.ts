// Outbound, second stage: segmentation, sequence numbers and limits. Each ESP packet is framed (frame.ts) where it lies if the room kept around
// packets is enough for its SA, or else in a copy.
import { DROP_OUT_NOT_TRANSPORTABLE, DROP_OUT_STATE_EXPIRED, DROP_OUT_STATE_SEQ_ERROR } from "../drop-codes";
import {
  OSA_BYTES,
  OSA_COPIES,
  OSA_COPY_DSCP,
  OSA_COPY_ECN,
  OSA_FLAGS,
  OSA_HARD_BYTES,
  OSA_HARD_PACKETS,
  OSA_HARD_REACHED,
  OSA_HEADER,
  OSA_PACKETS,
  OSA_SEQ,
  OSA_SEQ_LIMIT,
  OSA_SOFT_BYTES,
  OSA_SOFT_PACKETS,
  OSA_SOFT_REACHED,
  OSA_TRANSPORT,
  OUT_DONE,
  OUT_LENGTH,
  OUT_PACKET,
  OUT_SEGMENTS,
  OUT_SIZE,
  OUT_TOS,
  VNET_HEADER,
} from "../layout";
import { copySum, pseudoHeader, sum, writeIpv4Checksum } from "./checksum";
import { superHeaderLength, VNET_GSO_NONE, VNET_GSO_UDP_L4 } from "./classify";
import { drop, jobCapacity, segments, segmentsEnd, sendCapacity } from "./context";
import { frame, framedLength } from "./frame";
import { load16, load32, store16, store32 } from "./octets";
import { Results } from "./results";
import { headerLeftOut, protocolBehind } from "./transport-mode";

/** Where the next ESP packet that is not framed where it lies goes. */
let segmentCursor: usize = 0;

/** Starts an empty batch: the segment arena and the send list are free again. */
export function beginOutbound(): void {
  Results.jobCount = 0;
  Results.sendCount = 0;
  segmentCursor = segments;
}

/** The engine has sealed what was emitted. */
export function jobsSealed(): void {
  Results.jobCount = 0;
}

/** Writes segment `index` of the super-packet at `ip` to `to` and returns its length. */
function segment(to: usize, ip: usize, total: i32, header: i32, transport: i32, size: i32, gso: u32, index: i32): i32 {
  const from = header + index * size;
  const payload = min(size, total - from);
  const last = from + payload >= total;
  const length = header + payload;
  memory.copy(to, ip, header);
  const transportLength = length - transport;
  if (load<u8>(ip) >> 4 == 4) {
    store16(to + 2, length);
    store16(to + 4, load16(ip + 4) + index);
    writeIpv4Checksum(to);
  } else {
    store16(to + 4, length - 40);
  }
  const t = to + transport;
  if (gso == VNET_GSO_UDP_L4) {
    store16(t + 4, transportLength);
    store<u16>(t + 6, 0);
    let s = pseudoHeader(to, transportLength, 17);
    s = sum(t, 8, s);
    s = ~copySum(to + header, ip + from, payload, s) & 0xffff;
    store<u16>(t + 6, <u16>(s == 0 ? 0xffff : s));
  } else {
    store32(t + 4, load32(ip + transport + 4) + index * size);
    // As the kernel's tcp_gso_segment: FIN and PSH belong to the last segment, CWR to the first.
    let flags = load<u8>(ip + transport + 13);
    if (!last) flags &= ~0x09;
    if (index > 0) flags &= ~0x80;
    store<u8>(t + 13, flags);
    store<u16>(t + 16, 0);
    let s = pseudoHeader(to, transportLength, 6);
    s = sum(t, header - transport, s);
    store<u16>(t + 16, <u16>~copySum(to + header, ip + from, payload, s));
  }
  return length;
}

/** RFC 4301 §5.1.2.1 and RFC 6040 §4.1 (normal mode): DSCP and ECN of the outer header. */
function outerTos(flags: u32, inner: u32): u32 {
  return ((flags & OSA_COPY_DSCP) != 0 ? inner & 0xfc : 0) | ((flags & OSA_COPY_ECN) != 0 ? inner & 3 : 0);
}

/**
 * Frames the run of `count` classified packets at `first` on the outbound SA at `sa`. Stops early when the job list, the send list or the
 * segment arena is full: then `encapDone` < count, and after sealing (and sending, where nothing was emitted) it is called again for the rest.
 * Returns the number of jobs that wait for the engine.
 */
export function encap(first: usize, count: i32, sa: usize): i32 {
  const flags = load<u32>(sa, OSA_FLAGS);
  let packets: f64 = 0;
  let octets: f64 = 0;
  let seq = load<u64>(sa, OSA_SEQ);
  const limit = load<u64>(sa, OSA_SEQ_LIMIT);
  const hardReached = (flags & OSA_HARD_REACHED) != 0;
  const copies = (flags & OSA_COPIES) != 0;
  const isTransport = (flags & OSA_TRANSPORT) != 0;
  const espHeader = <usize>load<u32>(sa, OSA_HEADER);
  Results.encapDone = 0;
  while (Results.encapDone < count) {
    const out = first + <usize>Results.encapDone * OUT_SIZE;
    const total = <i32>load<u32>(out, OUT_SEGMENTS);
    let done = <i32>load<u32>(out, OUT_DONE);
    const room = min(jobCapacity - Results.jobCount, sendCapacity - Results.sendCount);
    if (room <= 0) break;
    if (hardReached) {
      drop(DROP_OUT_STATE_EXPIRED, total - done);
      Results.encapDone++;
      continue;
    }
    let n = min(total - done, room);
    // A sequence number is never used twice: it is the nonce. At the limit the SA is at its end (RFC 4303 §2.2.1, §3.3.3).
    if (seq > limit) {
      drop(DROP_OUT_STATE_SEQ_ERROR, total - done);
      Results.encapDone++;
      continue;
    }
    const left = limit - seq + 1;
    if (<u64>n > left) n = <i32>left;
    const ip = <usize>load<u32>(out, OUT_PACKET);
    const length = <i32>load<u32>(out, OUT_LENGTH);
    const vnet = ip - VNET_HEADER;
    const tos = outerTos(flags, load<u32>(out, OUT_TOS));
    let nextHeader: u32 = load<u8>(ip) >> 4 == 4 ? 4 : 41;
    let leftOut = 0;
    if (isTransport) {
      leftOut = headerLeftOut(ip);
      if (leftOut == 0) {
        drop(DROP_OUT_NOT_TRANSPORTABLE, total - done);
        Results.encapDone++;
        continue;
      }
      nextHeader = protocolBehind(ip);
    }
    const gso = (<u32>load<u8>(vnet, 1)) & 0x7f;
    if (gso == VNET_GSO_NONE) {
      let payload = ip + leftOut;
      const inner = length - leftOut;
      if (copies) {
        const octets = framedLength(sa, inner);
        if (segmentCursor + octets > segmentsEnd) break; // arena full
        memory.copy(segmentCursor + espHeader, payload, inner);
        payload = segmentCursor + espHeader;
        segmentCursor += octets;
      }
      frame(sa, payload, inner, seq, tos, nextHeader);
      seq++;
      packets += 1;
      octets += <f64>length;
      Results.encapDone++;
      continue;
    }
    const size = <i32>load<u16>(vnet, 4);
    const transport = <i32>load<u16>(vnet, 6);
    const header = superHeaderLength(ip, transport, gso, length);
    const end = done + n;
    const longest = framedLength(sa, header + size);
    while (done < end && segmentCursor + longest <= segmentsEnd) {
      const payload = segmentCursor + espHeader;
      const whole = segment(payload, ip, length, header, transport, size, gso, done);
      const inner = whole - leftOut;
      if (isTransport) memory.copy(payload, payload + leftOut, inner);
      frame(sa, payload, inner, seq, tos, nextHeader);
      // Packed without gaps, so that one I/O vector carries the whole run.
      segmentCursor += framedLength(sa, inner);
      seq++;
      packets += 1;
      octets += <f64>whole;
      done++;
    }
    store<u32>(out, done, OUT_DONE);
    if (done == total) Results.encapDone++;
    else if (done < end) break; // arena full
  }
  store<u64>(sa, seq, OSA_SEQ);
  count_(sa, packets, octets);
  return Results.jobCount;
}

/** Adds to the SA's use and marks the limits it has reached (RFC 4301 §4.4.2.1: lifetime). */
function count_(sa: usize, packets: f64, octets: f64): void {
  const p = load<f64>(sa, OSA_PACKETS) + packets;
  const b = load<f64>(sa, OSA_BYTES) + octets;
  store<f64>(sa, p, OSA_PACKETS);
  store<f64>(sa, b, OSA_BYTES);
  let flags = load<u32>(sa, OSA_FLAGS);
  if (p >= load<f64>(sa, OSA_SOFT_PACKETS) || b >= load<f64>(sa, OSA_SOFT_BYTES)) flags |= OSA_SOFT_REACHED;
  if (p >= load<f64>(sa, OSA_HARD_PACKETS) || b >= load<f64>(sa, OSA_HARD_BYTES)) flags |= OSA_HARD_REACHED;
  store<u32>(sa, flags, OSA_FLAGS);
}
