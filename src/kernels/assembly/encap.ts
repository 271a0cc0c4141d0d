// Outbound, second stage: segmentation and ESP framing (RFC 4303 §2, RFC 4106, RFC 7634). Writes headers and trailers in place around the
// payload and emits one AEAD job and one send record for each ESP packet. The cipher itself is the engine's.
import { DROP_OUT_STATE_EXPIRED, DROP_OUT_STATE_SEQ_ERROR } from "../drop-codes";
import {
  ESP_HEADER,
  ESP_ICV,
  ESP_MAX_TRAILER,
  JOB_AAD,
  JOB_AAD_LENGTH,
  JOB_ICV,
  JOB_LENGTH,
  JOB_NONCE,
  JOB_PAYLOAD,
  JOB_SIZE,
  OSA_BYTES,
  OSA_COPY_DSCP,
  OSA_COPY_ECN,
  OSA_DEST,
  OSA_ESN,
  OSA_FLAGS,
  OSA_HARD_BYTES,
  OSA_HARD_PACKETS,
  OSA_HARD_REACHED,
  OSA_PACKETS,
  OSA_SALT,
  OSA_SEQ,
  OSA_SEQ_LIMIT,
  OSA_SOFT_BYTES,
  OSA_SOFT_PACKETS,
  OSA_SOFT_REACHED,
  OSA_SPI,
  OUT_DONE,
  OUT_LENGTH,
  OUT_PACKET,
  OUT_SEGMENTS,
  OUT_SIZE,
  OUT_TOS,
  SEND_DEST,
  SEND_LENGTH,
  SEND_PACKET,
  SEND_SIZE,
  SEND_TOS,
  VNET_HEADER,
} from "../layout";
import { copySum, pseudoHeader, sum, writeIpv4Checksum } from "./checksum";
import { superHeaderLength, VNET_GSO_NONE, VNET_GSO_UDP_L4 } from "./classify";
import { aads, drop, jobCapacity, jobs, nonces, segments, segmentsEnd, sendCapacity, sends } from "./context";
import { load16, load32, store16, store32, store64 } from "./octets";
import { Results } from "./results";

/** AEAD jobs emitted since the engine last ran. */
/** ESP packets that wait to be sent. */
/** Packets of the run that are wholly framed: where the next call goes on. */
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

/** Frames the IP packet of `length` octets at `payload`: header, trailer, job, send record. */
function frame(sa: usize, payload: usize, length: i32, seq: u64, outerTos: u32, nextHeader: u32): void {
  const esn = (load<u32>(sa, OSA_FLAGS) & OSA_ESN) != 0;
  const packet = payload - ESP_HEADER;
  store<u32>(packet, bswap<u32>(load<u32>(sa, OSA_SPI)));
  store32(packet + 4, <u32>seq);
  // RFC 4106 §3.1: the IV only has to be unique for the key; the sequence number is, and is never repeated (see OSA_SEQ).
  store64(packet + 8, seq);
  const padding = -(length + 2) & 3;
  let trailer = payload + length;
  for (let i = 0; i < padding; i++) store<u8>(trailer++, <u8>(i + 1)); // RFC 4303 §2.4: 1, 2, 3
  store<u8>(trailer, <u8>padding);
  store<u8>(trailer, <u8>nextHeader, 1);
  const plaintext = length + padding + 2;

  const slot = <usize>Results.jobCount;
  const nonce = nonces + (slot << 4);
  store<u32>(nonce, load<u32>(sa, OSA_SALT));
  store<u64>(nonce, load<u64>(packet, 8), 4);
  let aad = packet;
  let aadLength: u32 = 8;
  if (esn) {
    // RFC 4106 §5: SPI, then the 64-bit sequence number, whose high half is not in the packet.
    aad = aads + (slot << 4);
    store<u32>(aad, load<u32>(packet));
    store<u64>(aad, load<u64>(packet, 8), 4);
    aadLength = 12;
  }
  const job = jobs + slot * JOB_SIZE;
  store<u32>(job, <u32>payload, JOB_PAYLOAD);
  store<u32>(job, plaintext, JOB_LENGTH);
  store<u32>(job, <u32>aad, JOB_AAD);
  store<u32>(job, aadLength, JOB_AAD_LENGTH);
  store<u32>(job, <u32>nonce, JOB_NONCE);
  store<u32>(job, <u32>payload + plaintext, JOB_ICV);
  Results.jobCount++;

  const send = sends + <usize>Results.sendCount * SEND_SIZE;
  store<u32>(send, <u32>packet, SEND_PACKET);
  store<u32>(send, ESP_HEADER + plaintext + ESP_ICV, SEND_LENGTH);
  store<u32>(send, load<u32>(sa, OSA_DEST), SEND_DEST);
  store<u32>(send, outerTos, SEND_TOS);
  Results.sendCount++;
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
    const nextHeader: u32 = load<u8>(ip) >> 4 == 4 ? 4 : 41;
    const gso = (<u32>load<u8>(vnet, 1)) & 0x7f;
    if (gso == VNET_GSO_NONE) {
      frame(sa, ip, length, seq, tos, nextHeader);
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
    const stride = <usize>((header + size + ESP_HEADER + ESP_MAX_TRAILER + 3) & ~3);
    while (done < end && segmentCursor + stride <= segmentsEnd) {
      const payload = segmentCursor + ESP_HEADER;
      const inner = segment(payload, ip, length, header, transport, size, gso, done);
      frame(sa, payload, inner, seq, tos, nextHeader);
      // Packed without gaps, so that one I/O vector carries the whole run.
      segmentCursor = payload + <usize>(((inner + 2 + 3) & ~3) + ESP_ICV);
      seq++;
      packets += 1;
      octets += <f64>inner;
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
