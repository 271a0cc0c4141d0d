import { EAGAIN, EINTR, errno, errnoName, memcpy, read } from "../../host/linux/libc.ts";
import * as L from "../../kernels/layout.ts";
import { flowOf } from "../../wire/ip.ts";
import type { WorkerContext } from "./context.ts";
import {
  neighbours,
  OUTBOUND_DATA,
  PACKET_LENGTH,
  PACKET_OFFSET,
  PACKET_SIZE,
  packetListAt,
  RECORD_COUNT,
  RECORD_DATA_LENGTH,
  RECORD_HOPS,
} from "./handoff-ring.ts";
import { HoldQueues } from "./hold-queues.ts";
import { OUT_CAPACITY, TUN_ARENA, TUN_READ_ROOM } from "./memory-map.ts";
import { ON_MISSING } from "./sad.ts";
import { Transmitter } from "./transmitter.ts";

/** A packet may be handed on this often; then entries disagree for longer than messages are in flight, and it is dropped. */
const MAX_HOPS = 2;
/** A shared SA's 32-bit reservation counter stops here: racing workers can add a few bursts more before they see it, never 2^16 packets. */
const SHARED_SEQUENCE_LIMIT = 0xffff0000;
const TUN_READ_OCTETS = L.VNET_HEADER + 65535;

/**
 * The way of a packet out, in the order the packet meets it: read from the TUN queue (or taken from the ring) → classified → its entry in this
 * worker's SAD → framed and sealed in place, or handed to the owner, or held → sent.
 */
export class Outbound {
  readonly #c: WorkerContext;
  readonly #transmitter: Transmitter;
  readonly #hold: HoldQueues;
  readonly #hops = new Uint8Array(OUT_CAPACITY);
  /** Packets in the burst in hand. */
  #count = 0;

  constructor(context: WorkerContext) {
    this.#c = context;
    this.#transmitter = new Transmitter(context);
    this.#hold = new HoldQueues(context.tally);
    context.kernels.beginOutbound();
  }

  /** Reads one burst from the TUN queue and runs it. False: there was nothing. @throws Error when the device is gone. */
  poll(now: () => number): boolean {
    const { base, map, tunFd, tally } = this.#c;
    const end = map.tunArena + TUN_ARENA;
    let cursor = map.tunArena;
    while (this.#count < OUT_CAPACITY && cursor + TUN_READ_ROOM <= end) {
      const packet = cursor + L.ESP_HEADER;
      const got = read(tunFd, base + packet - L.VNET_HEADER, TUN_READ_OCTETS);
      if (got < L.VNET_HEADER) {
        if (got < 0) this.#checkReadError();
        break;
      }
      const length = got - L.VNET_HEADER;
      this.#append(packet, length, 0);
      // The next packet's ESP header follows this one's ICV directly, so that small packets leave in one I/O vector.
      cursor = packet + ((length + 5) & ~3) + L.ESP_ICV;
    }
    if (this.#count === 0) return false;
    tally.add("tunReads", this.#count);
    this.run(now);
    return true;
  }

  /** Takes an outbound record of the hand-off ring into the burst in hand. False: there is no room for it, run the burst first. */
  takeHandedOn(record: number): boolean {
    const { u32 } = this.#c;
    const count = u32[(record + RECORD_COUNT) >> 2] ?? 0;
    // A record holds no more than a burst does: its sender had it in one.
    if (this.#count + count > OUT_CAPACITY) return false;
    const hops = u32[(record + RECORD_HOPS) >> 2] ?? 0;
    const list = record + packetListAt(u32[(record + RECORD_DATA_LENGTH) >> 2] ?? 0);
    for (let i = 0; i < count; i++) {
      const entry = (list + i * PACKET_SIZE) >> 2;
      this.#append(record + OUTBOUND_DATA + (u32[entry + (PACKET_OFFSET >> 2)] ?? 0), u32[entry + (PACKET_LENGTH >> 2)] ?? 0, hops);
    }
    return true;
  }

  /** Runs the burst in hand to its end: everything in it is sent, handed on, held or counted as dropped. */
  run(now: () => number): void {
    const { kernels, map } = this.#c;
    const count = this.#count;
    if (count === 0) return;
    kernels.classify(map.outs, count);
    this.#countHandedOn(count);
    let first = 0;
    while (first < count) {
      const policy = this.#policyOf(first);
      let end = first + 1;
      while (end < count && this.#policyOf(end) === policy) end++;
      if (policy !== 0) this.#dispatch(policy, first, end - first, now);
      first = end;
    }
    this.#count = 0;
    this.#transmitter.flush();
  }

  /**
   * An entry got an SA: what was held goes on its way, in order, before anything newer. All of it, since a narrower policy than the one that
   * asked may have come; what still finds no SA is held again.
   */
  releaseHeld(): void {
    const { base, map, u8, u32, rings, self, tally } = this.#c;
    const packet = map.tunArena + L.VNET_HEADER;
    for (const octets of this.#hold.takeAll()) {
      // Through our own ring: the loop drains it before it reads the TUN queue again.
      u8.set(octets, map.tunArena);
      u32[(map.heldOut + L.OUT_PACKET) >> 2] = packet;
      u32[(map.heldOut + L.OUT_LENGTH) >> 2] = octets.length - L.VNET_HEADER;
      const pushed = rings[self]?.pushOutbound(u32, base, map.heldOut, 1, 0, memcpy) ?? false;
      if (!pushed) tally.drop("HoldOverflow", 1);
    }
  }

  get holding(): boolean {
    return !this.#hold.empty;
  }

  expireHeld(now: number): void {
    this.#hold.expire(now);
  }

  #append(packet: number, length: number, hops: number): void {
    const { map, u32 } = this.#c;
    const out = (map.outs + this.#count * L.OUT_SIZE) >> 2;
    u32[out + (L.OUT_PACKET >> 2)] = packet;
    u32[out + (L.OUT_LENGTH >> 2)] = length;
    this.#hops[this.#count++] = hops;
  }

  #policyOf(index: number): number {
    const { map, u32 } = this.#c;
    return u32[(map.outs + index * L.OUT_SIZE + L.OUT_POLICY) >> 2] ?? 0;
  }

  #countHandedOn(count: number): void {
    const { map, u32, tally } = this.#c;
    let packets = 0;
    for (let i = 0; i < count; i++) {
      if ((this.#hops[i] ?? 0) > 0 && this.#policyOf(i) !== 0) packets += u32[(map.outs + i * L.OUT_SIZE + L.OUT_SEGMENTS) >> 2] ?? 0;
    }
    if (packets > 0) tally.add("resteeredFrom", packets);
  }

  /** `count` packets from index `first` on, all of one policy, meet this worker's entry for it. */
  #dispatch(policy: number, first: number, count: number, now: () => number): void {
    const { u32 } = this.#c;
    const p = policy >> 2;
    if (u32[p + (L.POLICY_ASK >> 2)] === 1) {
      u32[p + (L.POLICY_ASK >> 2)] = 0;
      this.#acquire(policy, first);
    }
    switch (u32[p + (L.POLICY_ENTRY >> 2)]) {
      case L.ENTRY_OWN:
      case L.ENTRY_SHARED:
        this.#seal(u32[p + (L.POLICY_SA >> 2)] ?? 0, first, count);
        break;
      case L.ENTRY_STUB:
        this.#handOn(u32[p + (L.POLICY_OWNER >> 2)] ?? 0, first, count);
        break;
      default:
        this.#missing(policy, first, count, now());
    }
  }

  #seal(sa: number, first: number, count: number): void {
    const { kernels, map, engine, u32, tally } = this.#c;
    if (((u32[(sa + L.OSA_FLAGS) >> 2] ?? 0) & L.OSA_SHARED) !== 0 && !this.#reserve(sa, first, count)) return;
    const handle = u32[(sa + L.OSA_KEY) >> 2] ?? 0;
    while (count > 0) {
      const jobs = kernels.encap(map.outs + first * L.OUT_SIZE, count, sa);
      const done = kernels.encapDone.value;
      if (jobs > 0) {
        engine.seal(handle, map.jobs, jobs);
        kernels.jobsSealed();
        tally.add("packetsOut", jobs);
      } else if (done < count) {
        // Nothing fitted: the segment arena or the send list is full of sealed packets.
        this.#transmitter.flush();
      }
      first += done;
      count -= done;
    }
    const flags = u32[(sa + L.OSA_FLAGS) >> 2] ?? 0;
    if ((flags & (L.OSA_SOFT_REACHED | L.OSA_HARD_REACHED)) !== 0) this.#limitReached(sa, flags);
  }

  /**
   * Reserves sequence numbers of a shared SA for the whole run with one atomic addition (a repeated number would be a repeated nonce, and all
   * workers seal with this key). Numbers are never kept for a later burst: they would fall out of the peer's window.
   */
  #reserve(sa: number, first: number, count: number): boolean {
    const { u32, view, sharedCounters, tally } = this.#c;
    const packets = this.#espPackets(first, count);
    const counter = (u32[(sa + L.OSA_SHARED_COUNTER) >> 2] ?? 0) << 4;
    const used = Atomics.load(sharedCounters, counter) >>> 0;
    const start = used >= SHARED_SEQUENCE_LIMIT ? used : Atomics.add(sharedCounters, counter, packets) >>> 0;
    if (start >= SHARED_SEQUENCE_LIMIT) {
      tally.drop("OutStateSeqError", packets);
      return false;
    }
    view.setUint32(sa + L.OSA_SEQ, start + 1, true);
    view.setUint32(sa + L.OSA_SEQ + 4, 0, true);
    view.setUint32(sa + L.OSA_SEQ_LIMIT, start + packets, true);
    view.setUint32(sa + L.OSA_SEQ_LIMIT + 4, 0, true);
    return true;
  }

  #limitReached(sa: number, flags: number): void {
    const { sad, view, post } = this.#c;
    const record = sad.outboundAt(sa);
    if (record === undefined) return;
    const hard = (flags & L.OSA_HARD_REACHED) !== 0;
    if (hard && record.hardReported) return;
    const byPackets =
      view.getFloat64(sa + L.OSA_PACKETS, true) >= view.getFloat64(sa + (hard ? L.OSA_HARD_PACKETS : L.OSA_SOFT_PACKETS), true);
    if (hard) record.hardReported = true;
    // One report each: the soft limits are spent now.
    view.setFloat64(sa + L.OSA_SOFT_PACKETS, Infinity, true);
    view.setFloat64(sa + L.OSA_SOFT_BYTES, Infinity, true);
    view.setUint32(sa + L.OSA_FLAGS, flags & ~L.OSA_SOFT_REACHED, true);
    post({ verb: "expire", id: record.id, hard, direction: "out", why: byPackets ? "packets" : "bytes" });
  }

  #handOn(owner: number, first: number, count: number): void {
    const { base, map, u32, rings, tally, touch } = this.#c;
    const ring = rings[owner];
    const end = first + count;
    while (first < end) {
      const hops = this.#hops[first] ?? 0;
      let alike = 1;
      while (first + alike < end && this.#hops[first + alike] === hops) alike++;
      const outs = map.outs + first * L.OUT_SIZE;
      const taken = neighbours(u32, outs, alike);
      const packets = this.#espPackets(first, taken);
      if (hops >= MAX_HOPS) tally.drop("HandoffLoop", packets);
      else if (ring?.pushOutbound(u32, base, outs, taken, hops + 1, memcpy) === true) tally.add("resteeredTo", packets);
      else tally.drop("RingFull", packets);
      first += taken;
    }
    touch(owner);
  }

  /** ESP packets that `count` packets of the burst become. */
  #espPackets(first: number, count: number): number {
    const { map, u32 } = this.#c;
    let packets = 0;
    for (let i = 0; i < count; i++) packets += u32[(map.outs + (first + i) * L.OUT_SIZE + L.OUT_SEGMENTS) >> 2] ?? 0;
    return packets;
  }

  /** No SA yet, anywhere: the packets wait for it, unless the policy says otherwise. */
  #missing(policy: number, first: number, count: number, now: number): void {
    const { map, u8, u32, tally } = this.#c;
    const drop = ON_MISSING[u32[(policy + L.POLICY_ON_MISSING) >> 2] ?? 0] === "drop";
    for (let i = first; i < first + count; i++) {
      const out = (map.outs + i * L.OUT_SIZE) >> 2;
      if (drop) tally.drop("OutNoStates", u32[out + (L.OUT_SEGMENTS >> 2)] ?? 0);
      else this.#hold.hold(policy, u8, u32[out + (L.OUT_PACKET >> 2)] ?? 0, u32[out + (L.OUT_LENGTH >> 2)] ?? 0, now);
    }
  }

  #acquire(policy: number, index: number): void {
    const { map, u8, u32, sad, self, tally, post } = this.#c;
    const found = sad.policyAt(policy);
    if (found === undefined) return;
    const out = (map.outs + index * L.OUT_SIZE) >> 2;
    const packet = u32[out + (L.OUT_PACKET >> 2)] ?? 0;
    const flow = flowOf(u8.slice(packet, packet + Math.min(u32[out + (L.OUT_LENGTH >> 2)] ?? 0, 256)));
    if (flow === undefined) return;
    tally.add("acquires", 1);
    post({ verb: "acquire", policyId: found.spec.id, cpu: self, flow });
  }

  #checkReadError(): void {
    const code = errno();
    if (code !== EAGAIN && code !== EINTR) throw new Error(`the TUN device is gone (read: ${errnoName(code)})`);
  }
}
