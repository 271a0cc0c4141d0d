import { recvmmsg, memcpy, writev } from "../../host/linux/libc.ts";
import { decodeSockaddr } from "../../host/linux/sockaddr.ts";
import { espSpi } from "../../ipsec/names.ts";
import { OWNER_CONTROL } from "../../kernels/kernels.ts";
import * as L from "../../kernels/layout.ts";
import type { WorkerContext } from "./context.ts";
import { RECORD_DATA_LENGTH, RECORD_HEADER, RECORD_PEER, RECORD_SEGMENT, RECORD_TOS } from "./handoff-ring.ts";
import { RECEIVE_MESSAGES, RECEIVE_ROOM, RECEIVE_STRIDE } from "./memory-map.ts";

const FOREIGN_SIZE = 16;
const NON_ESP_MARKER = 4;
/** Milliseconds between two unknown SPIs that are told to control. */
const UNKNOWN_INTERVAL = 100;

/**
 * The way of a packet in, in the order the packet meets it: received (or taken from the ring) → its SA by SPI, replay check → opened → ICV,
 * window, trailer, selectors, ECN → joined with its neighbours → written to the TUN queue. Packets of another worker's SA go to its ring.
 */
export class Inbound {
  readonly #c: WorkerContext;
  /** Socket that the burst in hand came by. */
  #socket = 0;
  /** When the next unknown SPI may be told (performance.now()). */
  #quietUntil = -Infinity;

  constructor(context: WorkerContext) {
    this.#c = context;
    context.kernels.beginInbound();
  }

  /** Receives one burst on socket `index` and runs it. False: there was nothing. */
  poll(index: number): boolean {
    const { base, map, kernels, sockets, turns, u8, u32, tally } = this.#c;
    const socket = sockets[index];
    if (socket === undefined || !turns.isDue(index)) return false;
    const { fd, local, encapsulation } = socket;
    const isRaw = encapsulation === "none";
    const messages = RECEIVE_MESSAGES[encapsulation];
    kernels.resetReceive(messages, map.rxBuffers, RECEIVE_STRIDE, RECEIVE_ROOM);
    const count = recvmmsg(fd, base + map.rxMessages, messages, 0);
    turns.note(index, count > 0);
    if (count <= 0) return false;
    this.#socket = index;
    tally.add("socketReceives", 1);
    const hasIpHeader = isRaw && !local.address.includes(":");
    for (let i = 0; i < count; i++) {
      const length = u32[(map.rxMessages + i * L.MSG_SIZE + L.MSG_LENGTH) >> 2] ?? 0;
      kernels.inspectMessage(i, length);
      const tos = kernels.messageTos.value;
      const peer = map.rxNames + i * L.NAME_SIZE;
      const buffer = map.rxBuffers + i * RECEIVE_STRIDE;
      // raw(7): an IPv4 socket gets the IP header too, an IPv6 socket does not.
      const header = hasIpHeader ? ((u8[buffer] ?? 0) & 15) << 2 : 0;
      this.#prepare(buffer + header, length - header, kernels.messageSegment.value, tos, peer, isRaw ? L.FROM_RAW : L.FROM_UDP);
      if (kernels.foreignCount.value > 0) this.#handOn(tos, peer);
    }
    this.#finish();
    return true;
  }

  /** Takes an inbound record of the hand-off ring into the burst in hand; `run` finishes it. */
  takeHandedOn(record: number): void {
    const { u32, tally } = this.#c;
    const length = u32[(record + RECORD_DATA_LENGTH) >> 2] ?? 0;
    const segment = u32[(record + RECORD_SEGMENT) >> 2] ?? 1;
    tally.add("misdirectedFrom", Math.ceil(length / segment));
    this.#prepare(record + RECORD_HEADER, length, segment, u32[(record + RECORD_TOS) >> 2] ?? 0, record + RECORD_PEER, L.FROM_RING);
  }

  /** Finishes the burst in hand. */
  run(): void {
    if (this.#c.kernels.preparedCount.value > 0) this.#finish();
  }

  #prepare(data: number, length: number, segment: number, tos: number, peer: number, from: number): void {
    const { kernels } = this.#c;
    let done = 0;
    while (done < length) {
      kernels.prepare(data + done, length - done, segment, tos, peer, from);
      done += kernels.preparedOctets.value;
      if (done >= length) return;
      // A list is full: finish what is prepared, then go on where we stopped.
      if (kernels.foreignCount.value > 0) this.#handOn(tos, peer);
      this.#finish();
    }
  }

  #finish(): void {
    const { kernels, engine, map, u32 } = this.#c;
    const runs = kernels.runCount.value;
    for (let i = 0; i < runs; i++) {
      const run = (map.runs + i * L.RUN_SIZE) >> 2;
      const sa = u32[run + (L.RUN_SA >> 2)] ?? 0;
      const first = u32[run + (L.RUN_FIRST >> 2)] ?? 0;
      engine.open(u32[(sa + L.ISA_KEY) >> 2] ?? 0, map.jobs + first * L.JOB_SIZE, u32[run + (L.RUN_COUNT >> 2)] ?? 0);
    }
    kernels.finish();
    for (let i = 0; i < runs; i++) {
      const sa = u32[(map.runs + i * L.RUN_SIZE + L.RUN_SA) >> 2] ?? 0;
      const flags = u32[(sa + L.ISA_FLAGS) >> 2] ?? 0;
      if ((flags & (L.ISA_SOFT_REACHED | L.ISA_HARD_REACHED | L.ISA_PEER_MOVED)) !== 0) this.#report(sa, flags);
    }
    this.#deliver();
    if (kernels.unknownSpi.value !== 0) this.#reportUnknown();
    kernels.beginInbound();
  }

  #deliver(): void {
    const { base, map, kernels, u32, tunFd, tally } = this.#c;
    kernels.join();
    const count = kernels.deliveryCount.value;
    let octets = 0;
    let packets = 0;
    for (let i = 0; i < count; i++) {
      const delivery = (map.deliveries + i * L.DELIVERY_SIZE) >> 2;
      const vector = u32[delivery + (L.DELIVERY_VECTOR >> 2)] ?? 0;
      const vectors = u32[delivery + (L.DELIVERY_VECTORS >> 2)] ?? 0;
      const whole = u32[delivery + (L.DELIVERY_OCTETS >> 2)] ?? 0;
      const taken = u32[delivery + (L.DELIVERY_PACKETS >> 2)] ?? 0;
      if (writev(tunFd, base + vector, vectors) < 0) tally.drop("TunWriteError", taken);
      else {
        packets += taken;
        octets += whole - L.VNET_HEADER;
      }
    }
    tally.add("packetsIn", packets);
    tally.add("bytesIn", octets);
    tally.add("tunWrites", count);
  }

  /** Packets of the message in hand that belong elsewhere: ESP to its owner's ring, IKE to control. What came by the ring is never among them. */
  #handOn(tos: number, peer: number): void {
    const { base, map, kernels, u32, rings, tally, touch } = this.#c;
    const count = kernels.foreignCount.value;
    for (let i = 0; i < count; i++) {
      const record = (map.foreigners + i * FOREIGN_SIZE) >> 2;
      const data = u32[record] ?? 0;
      const length = u32[record + 1] ?? 0;
      const segment = u32[record + 2] ?? 1;
      const owner = u32[record + 3] ?? 0;
      if (owner === OWNER_CONTROL) {
        this.#toControl(data, length, segment, peer);
        continue;
      }
      const packets = Math.ceil(length / segment);
      if (rings[owner]?.pushInbound(base + data, length, segment, tos, base + peer, memcpy) === true) tally.add("misdirectedTo", packets);
      else tally.drop("RingFull", packets);
      touch(owner);
    }
    kernels.foreignTaken();
  }

  #toControl(data: number, length: number, segment: number, peer: number): void {
    const { u8, view, sockets, post } = this.#c;
    const local = sockets[this.#socket]?.local;
    const remote = decodeSockaddr(view, peer);
    if (local === undefined || remote === undefined) return;
    for (let at = 0; at < length; at += segment) {
      post({ verb: "ike", local, remote, octets: u8.slice(data + at + NON_ESP_MARKER, data + Math.min(at + segment, length)) });
    }
  }

  /** One packet in a while stands for all: whoever sends them may be anybody. */
  #reportUnknown(): void {
    const { kernels, view, sockets, post } = this.#c;
    const now = performance.now();
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + UNKNOWN_INTERVAL;
    const local = sockets[this.#socket]?.local;
    const remote = decodeSockaddr(view, kernels.unknownPeer.value);
    if (local === undefined || remote === undefined) return;
    post({ verb: "unknownSpi", spi: espSpi(kernels.unknownSpi.value >>> 0), local, remote });
  }

  #report(sa: number, flags: number): void {
    const { sad, view, post } = this.#c;
    const record = sad.inboundAt(sa);
    if (record === undefined) return;
    view.setUint32(sa + L.ISA_FLAGS, flags & ~(L.ISA_SOFT_REACHED | L.ISA_PEER_MOVED), true);
    if ((flags & L.ISA_PEER_MOVED) !== 0) {
      const remote = decodeSockaddr(view, sa + L.ISA_PEER);
      if (remote !== undefined) post({ verb: "addressChanged", id: record.id, remote });
    }
    const hard = (flags & L.ISA_HARD_REACHED) !== 0;
    if (hard ? record.hardReported : (flags & L.ISA_SOFT_REACHED) === 0) return;
    const byPackets =
      view.getFloat64(sa + L.ISA_PACKETS, true) >= view.getFloat64(sa + (hard ? L.ISA_HARD_PACKETS : L.ISA_SOFT_PACKETS), true);
    if (hard) record.hardReported = true;
    view.setFloat64(sa + L.ISA_SOFT_PACKETS, Infinity, true);
    view.setFloat64(sa + L.ISA_SOFT_BYTES, Infinity, true);
    post({ verb: "expire", id: record.id, hard, direction: "in", why: byPackets ? "packets" : "bytes" });
  }
}
