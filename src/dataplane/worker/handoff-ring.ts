/**
 * The hand-off ring: a bounded lock-free queue of packets in the receiving worker's packet memory, many producers, one consumer. A producer
 * reserves room with one compare-and-exchange, copies, and commits by storing the record's first word; the consumer works on the packets where
 * they lie and gives the room back when it is done. Nobody waits: a full ring is a counted drop (RingFull).
 *
 * Record, 64-octet aligned: u32 word (committed | skip | length), u32 kind, u32 data length, then by kind; data from `RECORD_HEADER` on. The packets
 * of an outbound record lie as they lay in the sender's memory, with all that was between them, so that a burst is copied at once; what they are is
 * listed behind them.
 * The first word of each 64-octet line of free room is 0: that is what "not committed yet" means, wherever the next record starts.
 */
import { ESP_HEADER, ESP_MAX_TRAILER, OUT_LENGTH, OUT_PACKET, OUT_SIZE, VNET_HEADER } from "../../kernels/layout.ts";
import { RING_DATA, RING_HEADER } from "./memory-map.ts";

const HEAD = 0;
const TAIL = 64;
const SLEEPING = 128;
const DOORBELL = 192;
/** Number of control's messages that the owner has carried out, modulo 2^32. */
const APPLIED = 224;

const LINE = 64;
const COMMITTED = 0x80000000 | 0;
const SKIP = 0x40000000;
const LENGTH = 0x00ffffff;

export const RECORD_KIND = 4;
export const RECORD_DATA_LENGTH = 8;
export const RECORD_COUNT = 12; // outbound: packets in it
export const RECORD_HOPS = 16; // outbound: how often they were handed on
export const RECORD_TOS = 20; // inbound: outer DSCP and ECN
export const RECORD_SEGMENT = 24; // inbound: octets of each ESP packet
export const RECORD_PEER = 28; // inbound: source sockaddr, 28 octets
export const RECORD_HEADER = 64;

/** Plaintext packets to be sealed by the ring's owner; before each stands its virtio-net header. */
export const KIND_OUTBOUND = 1;
/** ESP packets whose SA the ring's owner has. */
export const KIND_INBOUND = 2;

/** Where the first packet of an outbound record stands: the ESP header's room is before it, as it is before each; the trailer's is behind. */
export const OUTBOUND_DATA = RECORD_HEADER + ESP_HEADER;
/** An entry of an outbound record's list: where the packet begins, from the first one on, and its length. */
export const PACKET_OFFSET = 0;
export const PACKET_LENGTH = 4;
export const PACKET_SIZE = 8;
/** More than this between two packets, and they are not worth one copy. */
const MAX_GAP = 256;
/** Octets of one outbound record, unless a single packet has more: a full ring is to refuse little at a time. */
const MAX_RUN = 128 * 1024;

/** Where the list of an outbound record stands whose packets and gaps are `octets` long in all, counted from the record. */
export function packetListAt(octets: number): number {
  return (OUTBOUND_DATA + octets + ESP_MAX_TRAILER + 3) & ~3;
}

/**
 * How many of the `count` packets of the OUT records at offset `outs` lie one behind the other in memory, so that one copy takes them all.
 *
 * @param u32 the memory of the records
 */
export function neighbours(u32: Uint32Array, outs: number, count: number): number {
  const first = u32[(outs + OUT_PACKET) >> 2] ?? 0;
  let end = first + (u32[(outs + OUT_LENGTH) >> 2] ?? 0);
  let i = 1;
  for (; i < count; i++) {
    const out = (outs + i * OUT_SIZE) >> 2;
    const packet = u32[out + (OUT_PACKET >> 2)] ?? 0;
    const length = u32[out + (OUT_LENGTH >> 2)] ?? 0;
    if (packet < end || packet - end > MAX_GAP || packet + length - first > MAX_RUN) break;
    end = packet + length;
  }
  return i;
}

export type CopyMemory = (to: number, from: number, octets: number) => void;

/** The producer's view of another worker's ring. */
export class RingProducer {
  readonly #words: Int32Array;
  readonly #ring: number;
  readonly #base: number;

  /** @param ring offset of the ring in `memory` @param base absolute address of `memory` */
  constructor(memory: SharedArrayBuffer, ring: number, base: number) {
    this.#words = new Int32Array(memory);
    this.#ring = ring;
    this.#base = base;
  }

  /**
   * Hands on the `count` {@link neighbours} of the OUT records at offset `outs`, their virtio-net headers before them. False: the ring is full.
   *
   * @param u32 the memory of the records and packets @param base its absolute address
   */
  pushOutbound(u32: Uint32Array, base: number, outs: number, count: number, hops: number, copy: CopyMemory): boolean {
    const last = (outs + (count - 1) * OUT_SIZE) >> 2;
    const first = u32[(outs + OUT_PACKET) >> 2] ?? 0;
    const octets = (u32[last + (OUT_PACKET >> 2)] ?? 0) + (u32[last + (OUT_LENGTH >> 2)] ?? 0) - first;
    const list = packetListAt(octets);
    const size = list + count * PACKET_SIZE;
    const record = this.#reserve(size);
    if (record < 0) return false;
    const words = this.#words;
    const w = record >> 2;
    words[w + (RECORD_KIND >> 2)] = KIND_OUTBOUND;
    words[w + (RECORD_DATA_LENGTH >> 2)] = octets;
    words[w + (RECORD_COUNT >> 2)] = count;
    words[w + (RECORD_HOPS >> 2)] = hops;
    copy(this.#base + record + OUTBOUND_DATA - VNET_HEADER, base + first - VNET_HEADER, octets + VNET_HEADER);
    for (let i = 0; i < count; i++) {
      const out = (outs + i * OUT_SIZE) >> 2;
      const entry = (record + list + i * PACKET_SIZE) >> 2;
      words[entry + (PACKET_OFFSET >> 2)] = (u32[out + (OUT_PACKET >> 2)] ?? 0) - first;
      words[entry + (PACKET_LENGTH >> 2)] = u32[out + (OUT_LENGTH >> 2)] ?? 0;
    }
    this.#commit(record, size);
    return true;
  }

  /** Hands on `length` octets of ESP at absolute address `data`, in packets of `segment` octets, from the sockaddr at absolute address `peer`. */
  pushInbound(data: number, length: number, segment: number, tos: number, peer: number, copy: CopyMemory): boolean {
    const record = this.#reserve(RECORD_HEADER + length);
    if (record < 0) return false;
    const w = record >> 2;
    this.#words[w + (RECORD_KIND >> 2)] = KIND_INBOUND;
    this.#words[w + (RECORD_DATA_LENGTH >> 2)] = length;
    this.#words[w + (RECORD_TOS >> 2)] = tos;
    this.#words[w + (RECORD_SEGMENT >> 2)] = segment;
    copy(this.#base + record + RECORD_PEER, peer, 28);
    copy(this.#base + record + RECORD_HEADER, data, length);
    this.#commit(record, RECORD_HEADER + length);
    return true;
  }

  /** True when the owner sleeps and this caller is the one to wake it. Called once after a burst of pushes. */
  claimWake(): boolean {
    const at = (this.#ring + SLEEPING) >> 2;
    return Atomics.load(this.#words, at) === 1 && Atomics.exchange(this.#words, at, 0) === 1;
  }

  /** Tells the owner that control has messages for it. */
  ringDoorbell(): void {
    Atomics.store(this.#words, (this.#ring + DOORBELL) >> 2, 1);
  }

  /** Blocks until the owner has carried out `count` of control's messages, or `timeout` milliseconds are over. True: it has. */
  awaitApplied(count: number, timeout: number): boolean {
    const at = (this.#ring + APPLIED) >> 2;
    const deadline = performance.now() + timeout;
    for (;;) {
      const applied = Atomics.load(this.#words, at);
      if (((count - applied) | 0) <= 0) return true;
      const left = deadline - performance.now();
      if (left <= 0 || Atomics.wait(this.#words, at, applied, left) === "timed-out") return false;
    }
  }

  /** Room for a record of `octets`; its offset in memory, -1 where there is none. */
  #reserve(octets: number): number {
    const need = (octets + LINE - 1) & -LINE;
    const headAt = (this.#ring + HEAD) >> 2;
    const tailAt = (this.#ring + TAIL) >> 2;
    for (;;) {
      const head = Atomics.load(this.#words, headAt);
      const used = (head - Atomics.load(this.#words, tailAt)) >>> 0; // positions count modulo 2^32
      const offset = head & (RING_DATA - 1);
      const toEnd = RING_DATA - offset;
      const total = need <= toEnd ? need : toEnd + need;
      if (used + total > RING_DATA) return -1;
      if (Atomics.compareExchange(this.#words, headAt, head, (head + total) | 0) !== head) continue;
      const data = this.#ring + RING_HEADER;
      if (total === need) return data + offset;
      // Records do not wrap: what is left before the end is skipped.
      Atomics.store(this.#words, (data + offset) >> 2, COMMITTED | SKIP | toEnd);
      return data;
    }
  }

  #commit(record: number, octets: number): void {
    Atomics.store(this.#words, record >> 2, COMMITTED | ((octets + LINE - 1) & -LINE));
  }
}

/** The owner's side. */
export class RingConsumer {
  readonly #words: Int32Array;
  readonly #ring: number;
  /** Position of the next record to look at; runs ahead of the published tail until `release`. */
  #cursor = 0;
  #tail = 0;

  constructor(memory: SharedArrayBuffer, ring: number) {
    this.#words = new Int32Array(memory);
    this.#ring = ring;
  }

  /** Offset in memory of the next committed record, 0 where there is none yet. It stays valid until `release`. */
  next(): number {
    const data = this.#ring + RING_HEADER;
    for (;;) {
      // After a whole lap without release, the words ahead are our own unreleased records.
      if ((this.#cursor - this.#tail) >>> 0 >= RING_DATA) return 0;
      const at = data + (this.#cursor & (RING_DATA - 1));
      const word = Atomics.load(this.#words, at >> 2);
      if (word === 0) return 0;
      this.#cursor = (this.#cursor + (word & LENGTH)) | 0;
      if ((word & SKIP) === 0) return at;
    }
  }

  /** Gives the room of all records seen so far back to the producers. */
  release(): void {
    const data = this.#ring + RING_HEADER;
    let position = this.#tail;
    const end = this.#cursor;
    if (position === end) return;
    while (position !== end) {
      this.#words[(data + (position & (RING_DATA - 1))) >> 2] = 0;
      position = (position + LINE) | 0;
    }
    this.#tail = end;
    Atomics.store(this.#words, (this.#ring + TAIL) >> 2, end);
  }

  /** Announces that the owner is about to sleep. It must look at the ring and the doorbell once more after this, and only then sleep. */
  announceSleep(): void {
    Atomics.store(this.#words, (this.#ring + SLEEPING) >> 2, 1);
  }

  announceAwake(): void {
    Atomics.store(this.#words, (this.#ring + SLEEPING) >> 2, 0);
  }

  /** True when a record is committed that `next` has not given out yet. */
  get pending(): boolean {
    return (
      Atomics.load(this.#words, (this.#ring + RING_HEADER + (this.#cursor & (RING_DATA - 1))) >> 2) !== 0 && this.#cursor === this.#tail
    );
  }

  /** Takes the doorbell: true when control has rung since the last call. */
  takeDoorbell(): boolean {
    const at = (this.#ring + DOORBELL) >> 2;
    return Atomics.load(this.#words, at) === 1 && Atomics.exchange(this.#words, at, 0) === 1;
  }

  /** One more of control's messages is carried out. */
  noteApplied(): void {
    const at = (this.#ring + APPLIED) >> 2;
    Atomics.add(this.#words, at, 1);
    Atomics.notify(this.#words, at);
  }

  get doorbell(): boolean {
    return Atomics.load(this.#words, (this.#ring + DOORBELL) >> 2) === 1;
  }
}
