// Inbound: from ESP octets to checked inner packets (RFC 4303 §3.4, RFC 4301 §5.2). `prepare` looks up the SA, checks for replay and emits
// cipher jobs in runs of one key; the engine opens them; `finish` compares ICVs, commits the window and checks what came out.
import {
  DROP_IN_ECN_ILLEGAL,
  DROP_IN_HDR_ERROR,
  DROP_IN_NO_STATES,
  DROP_IN_STATE_EXPIRED,
  DROP_IN_STATE_MISMATCH,
  DROP_IN_STATE_PROTO_ERROR,
  DROP_IN_STATE_SEQ_ERROR,
  DROP_IN_DUMMY,
} from "../drop-codes";
import {
  FROM_RING,
  FROM_UDP,
  ICV_ROOM,
  IN_LENGTH,
  IN_PACKET,
  IN_PEER,
  IN_SA,
  IN_SEQ_HIGH,
  IN_SEQ_LOW,
  IN_SIZE,
  IN_TOS,
  ISA_BYTES,
  ISA_CBC,
  ISA_COPY_ECN,
  ISA_ESN,
  ISA_FLAGS,
  ISA_HARD_BYTES,
  ISA_HARD_PACKETS,
  ISA_HARD_REACHED,
  ISA_HEADER,
  ISA_ICV,
  ISA_LOCAL_TS,
  ISA_LOCAL_TS_COUNT,
  ISA_OTHER_ICV,
  ISA_PACKETS,
  ISA_PAD_MASK,
  ISA_PEER,
  ISA_PEER_MOVED,
  ISA_REMOTE_TS,
  ISA_REMOTE_TS_COUNT,
  ISA_SALT,
  ISA_SEPARATE_MAC,
  ISA_SOFT_BYTES,
  ISA_SOFT_PACKETS,
  ISA_SOFT_REACHED,
  ISA_TOP,
  ISA_TRANSPORT,
  RUN_COUNT,
  RUN_FIRST,
  RUN_SA,
  RUN_SIZE,
} from "../layout";
import { drop, foreignerCapacity, foreigners, icvs, jobCapacity, received, receivedIcvs, runCapacity, runs } from "./context";
import {
  destinationHigh,
  destinationLow,
  destinationPort,
  family,
  parseIp,
  sourceHigh,
  sourceLow,
  sourcePort,
  tos,
  totalLength,
} from "./ip-header";
import { Jobs } from "./jobs";
import { load32, store16, store32 } from "./octets";
import { inferSequence, replayCheck, replayCommit, SEQUENCE_IMPOSSIBLE } from "./replay";
import { Results } from "./results";
import { findInbound } from "./sad";
import { matchSelectors } from "./selectors";
import { beginRebuilding, rebuild, rebuiltLength, reserveRebuilt } from "./transport-mode";

/** An SPI of 0 is the non-ESP marker (RFC 3948 §2.2): IKE that reached a worker's socket. */
export const OWNER_CONTROL: u32 = 0xffff;

// Steering, as the BPF program computes it (ipsec/spi-steering.ts).
let steeringMask: u32 = 0;
let steeringMultiplier: u32 = 1;
let workers: u32 = 1;
let self_: u32 = 0;

export function configureSteering(mask: u32, multiplier: u32, count: u32, self: u32): void {
  steeringMask = mask;
  steeringMultiplier = multiplier;
  workers = count;
  self_ = self;
}

export function beginInbound(): void {
  Results.runCount = 0;
  Results.preparedCount = 0;
  Results.foreignCount = 0;
  Results.unknownSpi = 0;
  beginRebuilding();
}

/** The foreign packets noted so far have been handed on. */
export function foreignTaken(): void {
  Results.foreignCount = 0;
}

/** Notes a packet for worker `owner`, joined to the one before where they lie side by side and belong together. False: the list is full. */
function noteForeign(owner: u32, packet: usize, length: i32, segment: i32): bool {
  if (Results.foreignCount > 0) {
    const last = foreigners + ((<usize>(Results.foreignCount - 1)) << 4);
    const octets = load<u32>(last, 4);
    if (
      load<u32>(last, 12) == owner &&
      <usize>load<u32>(last) + octets == packet &&
      load<i32>(last, 8) == segment &&
      octets % segment == 0 &&
      octets + length <= 0xffff
    ) {
      store<u32>(last, octets + length, 4);
      return true;
    }
  }
  if (Results.foreignCount == foreignerCapacity) return false;
  const record = foreigners + ((<usize>Results.foreignCount) << 4);
  store<u32>(record, <u32>packet);
  store<u32>(record, length, 4);
  store<i32>(record, segment, 8);
  store<u32>(record, owner, 12);
  Results.foreignCount++;
  return true;
}

/** The job of an AEAD for the packet whose ciphertext has `length` octets (RFC 4106, RFC 7634). */
function aeadJob(slot: usize, sa: usize, flags: u32, packet: usize, length: i32, seq: u64): void {
  const ciphertext = packet + <usize>load<u8>(sa, ISA_HEADER);
  const iv = Jobs.nonce(slot, load<u32>(sa, ISA_SALT), load<u64>(packet, 8));
  const esn = (flags & ISA_ESN) != 0;
  const aad = esn ? Jobs.longAad(slot, packet, seq) : packet;
  Jobs.write(slot, ciphertext, length, aad, esn ? 12 : 8, iv, icvs + slot * ICV_ROOM);
}

/** The job of a cipher with a separate MAC, over all that precedes the ICV and the high half of the sequence number (RFC 4303 §2.2.1). */
function macJob(slot: usize, sa: usize, flags: u32, packet: usize, length: i32, seq: u64): void {
  const ciphertext = packet + <usize>load<u8>(sa, ISA_HEADER);
  const iv = (flags & ISA_CBC) != 0 ? packet + 8 : Jobs.counterBlock(slot, load<u32>(sa, ISA_SALT), load<u64>(packet, 8));
  let end = ciphertext + length;
  if ((flags & ISA_ESN) != 0) {
    // The half that is not in the packet is authenticated right behind it, where the ICV stands.
    memory.copy(receivedIcvs + slot * ICV_ROOM, end, <usize>load<u8>(sa, ISA_ICV));
    store32(end, <u32>(seq >> 32));
    end += 4;
  }
  Jobs.write(slot, ciphertext, length, packet, <u32>(end - packet), iv, icvs + slot * ICV_ROOM);
}

/**
 * Prepares the `length` octets at `data`: ESP packets of `segment` octets each, the last one perhaps shorter, received with outer `outerTos`
 * from the sockaddr at `peer`, by the way `from` (FROM_…): an SPI that we do not know may be another worker's where the steering of UDP sockets has
 * brought it; else it is nobody's.
 */
export function prepare(data: usize, length: i32, segment: i32, outerTos: u32, peer: usize, from: u32): void {
  Results.preparedOctets = 0;
  while (Results.preparedOctets < length) {
    const packet = data + Results.preparedOctets;
    const size = min(segment, length - Results.preparedOctets);
    if (size < 8) {
      drop(DROP_IN_HDR_ERROR, 1);
      Results.preparedOctets += size;
      continue;
    }
    const spi = load32(packet);
    const sa = findInbound(spi);
    if (sa == 0 || spi == 0) {
      const owner = spi == 0 ? OWNER_CONTROL : (((spi ^ steeringMask) * steeringMultiplier) >> 16) % workers;
      if (from == FROM_UDP && owner != self_) {
        if (!noteForeign(owner, packet, size, segment)) return;
      } else {
        drop(DROP_IN_NO_STATES, 1);
        // A worker that handed it on did not say which socket it came by.
        if (from != FROM_RING && spi != 0) {
          Results.unknownSpi = spi;
          Results.unknownPeer = peer;
        }
      }
      Results.preparedOctets += size;
      continue;
    }
    // Header, IV, one block of ciphertext and ICV at the least (RFC 4303 §2.4).
    const ciphertext = size - <i32>load<u8>(sa, ISA_HEADER) - <i32>load<u8>(sa, ISA_ICV);
    if (ciphertext <= 0 || (ciphertext & (<i32>load<u8>(sa, ISA_PAD_MASK))) != 0) {
      drop(DROP_IN_HDR_ERROR, 1);
      Results.preparedOctets += size;
      continue;
    }
    if (Results.preparedCount == jobCapacity) return;
    const flags = load<u32>(sa, ISA_FLAGS);
    const seq = inferSequence(sa, load32(packet + 4));
    if ((flags & ISA_HARD_REACHED) != 0) {
      drop(DROP_IN_STATE_EXPIRED, 1);
      Results.preparedOctets += size;
      continue;
    }
    // Before opening: a replay must cost no decryption (RFC 4303 §3.4.3).
    if (seq == SEQUENCE_IMPOSSIBLE || !replayCheck(sa, seq)) {
      drop(DROP_IN_STATE_SEQ_ERROR, 1);
      Results.preparedOctets += size;
      continue;
    }
    if ((flags & ISA_TRANSPORT) != 0 && !reserveRebuilt(size)) return;
    let run = runs + <usize>(Results.runCount - 1) * RUN_SIZE;
    if (Results.runCount == 0 || <usize>load<u32>(run, RUN_SA) != sa) {
      if (Results.runCount == runCapacity) return;
      run = runs + <usize>Results.runCount * RUN_SIZE;
      store<u32>(run, <u32>sa, RUN_SA);
      store<u32>(run, Results.preparedCount, RUN_FIRST);
      store<u32>(run, 0, RUN_COUNT);
      Results.runCount++;
    }
    store<u32>(run, load<u32>(run, RUN_COUNT) + 1, RUN_COUNT);

    const slot = <usize>Results.preparedCount;
    if ((flags & ISA_SEPARATE_MAC) == 0) aeadJob(slot, sa, flags, packet, ciphertext, seq);
    else macJob(slot, sa, flags, packet, ciphertext, seq);

    const record = received + slot * IN_SIZE;
    store<u32>(record, <u32>packet, IN_PACKET);
    store<u32>(record, size, IN_LENGTH);
    store<u32>(record, <u32>sa, IN_SA);
    store<u32>(record, <u32>seq, IN_SEQ_LOW);
    store<u32>(record, <u32>(seq >> 32), IN_SEQ_HIGH);
    store<u32>(record, outerTos, IN_TOS);
    store<u32>(record, <u32>peer, IN_PEER);
    Results.preparedCount++;
    Results.preparedOctets += size;
  }
}

/**
 * RFC 6040 §4.2: the ECN field that leaves the tunnel, written into the inner header at `ip`. False: outer CE on a packet that is not
 * ECN-capable must be dropped.
 */
function mergeEcn(ip: usize, outer: u32, inner: u32): bool {
  const o = outer & 3;
  const i = inner & 3;
  if (o == i || i == 3 || o == 0) return true;
  if (i == 0) return o != 3; // outer ECT on an inner Not-ECT: forwarded as Not-ECT
  let ecn = i;
  if (o == 3) ecn = 3;
  else if (o == 1 && i == 2) ecn = 1; // ECT(1) outside over ECT(0) inside
  if (ecn == i) return true;
  if (family == 4) {
    const old = load<u16>(ip);
    store<u8>(ip + 1, <u8>((inner & 0xfc) | ecn));
    // RFC 1624 equation 3: HC' = ~(~HC + ~m + m')
    let s = ((<u32>~load<u16>(ip, 10)) & 0xffff) + ((<u32>~old) & 0xffff) + <u32>load<u16>(ip);
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    store<u16>(ip + 10, <u16>~s);
  } else {
    store16(ip, ((<u32>bswap<u16>(load<u16>(ip))) & 0xffcf) | (ecn << 4));
  }
  return true;
}

/** The packet in `record` is authentic and fresh. Returns the drop reason of what came out of it, or -1 when it may be delivered. */
function accept(record: usize, packet: usize, size: i32, sa: usize): i32 {
  const flags = load<u32>(sa, ISA_FLAGS);
  const end = packet + size - <usize>load<u8>(sa, ISA_ICV);
  const padding = <i32>load<u8>(end - 2);
  const next = load<u8>(end - 1);
  let inner = packet + <usize>load<u8>(sa, ISA_HEADER);
  const length = <i32>(end - inner) - 2 - padding;
  if (length < 0) return DROP_IN_HDR_ERROR;
  if (next == 59) return DROP_IN_DUMMY; // RFC 4303 §2.6: discarded without prejudice
  const isTransport = (flags & ISA_TRANSPORT) != 0;
  if (isTransport) {
    inner = rebuild(sa, inner, length, next, load<u32>(record, IN_TOS));
    if (!parseIp(inner, rebuiltLength)) return DROP_IN_HDR_ERROR;
  } else if (!((next == 4 || next == 41) && parseIp(inner, length)) || family != <u32>(next == 4 ? 4 : 6)) return DROP_IN_HDR_ERROR;
  if (
    !matchSelectors(<usize>load<u32>(sa, ISA_REMOTE_TS), load<i32>(sa, ISA_REMOTE_TS_COUNT), sourceHigh, sourceLow, sourcePort) ||
    !matchSelectors(<usize>load<u32>(sa, ISA_LOCAL_TS), load<i32>(sa, ISA_LOCAL_TS_COUNT), destinationHigh, destinationLow, destinationPort)
  ) {
    return DROP_IN_STATE_MISMATCH;
  }
  if (!isTransport && (flags & ISA_COPY_ECN) != 0 && !mergeEcn(inner, load<u32>(record, IN_TOS), tos)) return DROP_IN_ECN_ILLEGAL;
  store<u32>(record, <u32>inner, IN_PACKET);
  store<u32>(record, totalLength, IN_LENGTH); // RFC 4303 §2.7: traffic-flow padding behind the datagram goes
  return -1;
}

/** True where the two sockaddrs name one address and port (28 octets, flow and scope of IPv6 left out). */
function samePeer(a: usize, b: usize): bool {
  if (load<u64>(a) != load<u64>(b)) {
    if (load<u32>(a) != load<u32>(b)) return false; // family and port
    if (load<u16>(a) == 2) return false;
  }
  if (load<u16>(a) == 2) return true;
  return load<u64>(a, 8) == load<u64>(b, 8) && load<u64>(a, 16) == load<u64>(b, 16);
}

/** Where the ICV as it came is: at the packet's end, unless {@link macJob} has put it aside. */
function receivedIcv(i: i32, flags: u32, end: usize, sa: usize): usize {
  const aside = (flags & (ISA_SEPARATE_MAC | ISA_ESN)) == (ISA_SEPARATE_MAC | ISA_ESN);
  return aside ? receivedIcvs + <usize>i * ICV_ROOM : end - <usize>load<u8>(sa, ISA_ICV);
}

/** No early exit here either. All ICVs are some words long. */
function sameIcv(a: usize, b: usize, length: i32): bool {
  let difference: u32 = 0;
  for (let i: usize = 0; i < <usize>length; i += 4) difference |= load<u32>(a + i) ^ load<u32>(b + i);
  return difference == 0;
}

/** Finishes all prepared packets after the engine ran. Dropped ones have IN_LENGTH 0 afterwards; the others are (IN_PACKET, IN_LENGTH) inner packets. */
export function finish(): void {
  for (let i = 0; i < Results.preparedCount; i++) {
    const record = received + <usize>i * IN_SIZE;
    const packet = <usize>load<u32>(record, IN_PACKET);
    const size = <i32>load<u32>(record, IN_LENGTH);
    const sa = <usize>load<u32>(record, IN_SA);
    store<u32>(record, 0, IN_LENGTH);
    const computed = icvs + <usize>i * ICV_ROOM;
    const flags = load<u32>(sa, ISA_FLAGS);
    // One 128-bit comparison where it can be: no early exit, so no timing tells how much of the ICV was right.
    const wrong =
      (flags & ISA_OTHER_ICV) == 0
        ? v128.any_true(v128.xor(v128.load(packet + size - 16), v128.load(computed)))
        : !sameIcv(receivedIcv(i, flags, packet + size, sa), computed, <i32>load<u8>(sa, ISA_ICV));
    if (wrong) {
      drop(DROP_IN_STATE_PROTO_ERROR, 1);
      continue;
    }
    const seq = ((<u64>load<u32>(record, IN_SEQ_HIGH)) << 32) | (<u64>load<u32>(record, IN_SEQ_LOW));
    if (!replayCommit(sa, seq)) {
      drop(DROP_IN_STATE_SEQ_ERROR, 1);
      continue;
    }
    // RFC 7296 §2.23: follow the peer's address, on the newest authenticated packet only. ESP without UDP, which has no port, moves nobody: it
    // is not what a NAT lets through.
    const peer = <usize>load<u32>(record, IN_PEER);
    if (load<u64>(sa, ISA_TOP) == seq && load<u16>(peer, 2) != 0 && !samePeer(sa + ISA_PEER, peer)) {
      memory.copy(sa + ISA_PEER, peer, 28);
      store<u32>(sa, load<u32>(sa, ISA_FLAGS) | ISA_PEER_MOVED, ISA_FLAGS);
    }
    const verdict = accept(record, packet, size, sa);
    store<f64>(sa, load<f64>(sa, ISA_PACKETS) + 1, ISA_PACKETS);
    if (verdict >= 0) {
      store<u32>(record, 0, IN_LENGTH);
      drop(verdict, 1);
    } else {
      store<f64>(sa, load<f64>(sa, ISA_BYTES) + <f64>load<u32>(record, IN_LENGTH), ISA_BYTES);
    }
  }
  for (let i = 0; i < Results.runCount; i++) markLimits(<usize>load<u32>(runs + <usize>i * RUN_SIZE, RUN_SA));
}

function markLimits(sa: usize): void {
  const p = load<f64>(sa, ISA_PACKETS);
  const b = load<f64>(sa, ISA_BYTES);
  let flags = load<u32>(sa, ISA_FLAGS);
  if (p >= load<f64>(sa, ISA_SOFT_PACKETS) || b >= load<f64>(sa, ISA_SOFT_BYTES)) flags |= ISA_SOFT_REACHED;
  if (p >= load<f64>(sa, ISA_HARD_PACKETS) || b >= load<f64>(sa, ISA_HARD_BYTES)) flags |= ISA_HARD_REACHED;
  store<u32>(sa, flags, ISA_FLAGS);
}
