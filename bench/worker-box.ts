/**
 * Everything of a data-plane worker but its thread and its system calls: packet memory, kernels, SAD, engine. What is timed here are the
 * worker's own steps in the worker's own order (worker/outbound.ts, worker/inbound.ts), on real frames.
 */
import { DestinationTable } from "../src/dataplane/worker/destinations.ts";
import { neighbours, type RingProducer } from "../src/dataplane/worker/handoff-ring.ts";
import { configureKernels } from "../src/dataplane/worker/configure-kernels.ts";
import { layOutMemory, OUT_CAPACITY } from "../src/dataplane/worker/memory-map.ts";
import type { MemoryMap } from "../src/dataplane/worker/memory-map.ts";
import { WorkerSad } from "../src/dataplane/worker/sad.ts";
import type { CipherEngine } from "../src/dataplane/engines/engine.ts";
import { createEngine } from "../src/dataplane/engines/engines.ts";
import { addressOf, memcpy } from "../src/host/linux/libc.ts";
import { keymatLength, propertiesOf } from "../src/ipsec/esp-cipher.ts";
import type { EspCipher } from "../src/ipsec/esp-cipher.ts";
import { childSaId, cpuIndex, espSpi, policyId } from "../src/ipsec/names.ts";
import type { UsageLimits } from "../src/ipsec/sadb.ts";
import { instantiateKernels } from "../src/kernels/kernels.ts";
import type { Kernels } from "../src/kernels/kernels.ts";
import * as L from "../src/kernels/layout.ts";
import { parsePrefix } from "../src/wire/traffic-selector.ts";

const LOCAL = { address: "192.0.2.1", port: 4500 };
const REMOTE = { address: "192.0.2.2", port: 4500 };
const NO_LIMITS: UsageLimits = { softPackets: Infinity, hardPackets: Infinity, softBytes: Infinity, hardBytes: Infinity };
const POLICY = policyId(1);
const OWN = childSaId(1);
const SHARED = childSaId(2);
const SPI = espSpi(0xc0ffee00);
const FOREIGN_SIZE = 16;
/** Segments of a TCP super-packet at a tunnel MTU of 1400. */
export const SUPER_SEGMENT = 1348;

export interface BoxOptions {
  readonly engine: string;
  readonly cipher: EspCipher;
  /** Octets of the SA arena. */
  readonly saArena?: number;
  /** Its packet memory, where another thread is to hand packets on into it. */
  readonly memory?: WebAssembly.Memory;
  /** Where the kernel steers ESP: to the one worker there is, or always to another one, so that every packet is handed on. */
  readonly owner?: "self" | "other";
}

const DEFAULT_ARENA = 16 << 20;
/** Sequence numbers that a shared SA may use; far from the end, the counter begins anew, as with a new key. */
const SHARED_LIMIT = 0xf0000000;

/** Packet memory for a box that another thread shares. */
export function boxMemory(): WebAssembly.Memory {
  const { pages } = layOutMemory(DEFAULT_ARENA);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

export class WorkerBox {
  readonly map: MemoryMap;
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  readonly engine: CipherEngine;
  readonly sad: WorkerSad;
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly view: DataView;
  /** Absolute address of packet memory. */
  readonly base: number;
  readonly #outboundSa: number;
  readonly #sharedSa: number;
  readonly #inboundKey: number;
  readonly #inboundSa: number;

  constructor({ engine, cipher, saArena = DEFAULT_ARENA, memory, owner = "self" }: BoxOptions) {
    this.map = layOutMemory(saArena);
    this.memory = memory ?? new WebAssembly.Memory({ initial: this.map.pages, maximum: this.map.pages, shared: true });
    this.u8 = new Uint8Array(this.memory.buffer);
    this.u32 = new Uint32Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
    this.base = addressOf(this.memory.buffer);
    this.kernels = instantiateKernels(this.memory);
    configureKernels(this.kernels, this.map, this.base, {
      steering: { mask: 0, multiplier: 1 },
      // Steering over one worker always names worker 0.
      memories: [this.memory],
      self: cpuIndex(owner === "self" ? 0 : 1),
      udpOffload: true,
    });
    this.engine = createEngine(engine, this.memory, { offset: this.map.engineArena, size: this.map.engineArenaSize });
    this.sad = new WorkerSad(
      this.memory,
      this.map,
      this.kernels,
      this.engine,
      new DestinationTable(this.memory, this.map.dests, [{ local: LOCAL, encapsulation: "udp" }]),
    );
    const everything = parsePrefix("10.0.0.0/8");
    this.sad.addPolicy({ id: POLICY, name: "bench", localTs: [everything], remoteTs: [everything], priority: 1, onMissingSa: "resteer" });
    const common = {
      id: OWN,
      policyId: POLICY,
      cipher,
      esn: true,
      limits: NO_LIMITS,
      local: LOCAL,
      remote: REMOTE,
      encapsulation: "udp",
      mode: "tunnel",
      cpu: cpuIndex(0),
      spi: SPI,
    } as const;
    const keymat = (): Uint8Array => Uint8Array.from({ length: keymatLength(propertiesOf(cipher)) }, (_, i) => i);
    this.#outboundSa = this.sad.addOutbound({ ...common, keymat: keymat(), shared: false, copyDscp: true, copyEcn: true }, 0).address;
    this.#sharedSa = this.sad.addOutbound(
      { ...common, id: SHARED, keymat: keymat(), esn: false, shared: true, copyDscp: true, copyEcn: true },
      0,
    ).address;
    const inbound = this.sad.addInbound({
      ...common,
      keymat: keymat(),
      replayWindow: 4096,
      localTs: [everything],
      remoteTs: [everything],
      copyEcn: true,
    });
    this.#inboundSa = inbound.address;
    this.#inboundKey = inbound.keyHandle;
    this.sad.setEntry(POLICY, { kind: "own", sa: OWN });
    this.kernels.beginOutbound();
    this.kernels.beginInbound();
  }

  /** One more Child SA, the `i`-th, which nothing is sent on. Returns the octets of packet memory that it takes. */
  addSaPair(i: number): number {
    const selectors = [parsePrefix("10.0.0.0/8")];
    const common = {
      id: childSaId(1000 + i),
      policyId: POLICY,
      spi: espSpi(0x10000 + i),
      cipher: "aes128gcm16",
      esn: true,
      limits: NO_LIMITS,
      cpu: cpuIndex(0),
      local: LOCAL,
      remote: REMOTE,
      encapsulation: "udp",
      mode: "tunnel",
    } as const;
    const keymat = (): Uint8Array => new Uint8Array(keymatLength(propertiesOf("aes128gcm16"))).fill(i);
    const inbound = this.sad.addInbound({
      ...common,
      keymat: keymat(),
      replayWindow: 4096,
      localTs: selectors,
      remoteTs: selectors,
      copyEcn: true,
    });
    const outbound = this.sad.addOutbound({ ...common, keymat: keymat(), shared: false, copyDscp: true, copyEcn: true }, 0);
    return [...inbound.blocks, ...outbound.blocks].reduce((sum, { octets }) => sum + octets, 0);
  }

  /** Lays `count` IPv4/UDP packets of `length` octets out as a burst of TUN reads leaves them. */
  fillSingles(length: number, count: number): void {
    let cursor = this.map.tunArena;
    for (let i = 0; i < count; i++) {
      const at = cursor + L.ESP_HEADER;
      this.u8.fill(0, at - L.VNET_HEADER, at + length);
      this.u8.set(
        [
          0x45,
          0,
          length >> 8,
          length & 0xff,
          0,
          0,
          0x40,
          0,
          64,
          17,
          0,
          0,
          10,
          1,
          0,
          1,
          10,
          2,
          0,
          1,
          1,
          1,
          2,
          2,
          (length - 20) >> 8,
          (length - 20) & 0xff,
        ],
        at,
      );
      this.setOut(i, at, length);
      cursor = at + ((length + 5) & ~3) + L.ESP_ICV;
    }
  }

  /** Lays out one TCP super-packet of about 64 KiB. Returns the ESP packets that it becomes. */
  fillSuper(): number {
    const segments = Math.floor((65535 - 40) / SUPER_SEGMENT);
    const length = 40 + segments * SUPER_SEGMENT;
    const at = this.map.tunArena + L.ESP_HEADER;
    this.u8.fill(0, at - L.VNET_HEADER, at + length);
    this.u8.set([1, 1, 40, 0, SUPER_SEGMENT & 0xff, SUPER_SEGMENT >> 8, 20, 0, 16, 0], at - L.VNET_HEADER);
    this.u8.set([0x45, 0, length >> 8, length & 0xff, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 1, 0, 1, 10, 2, 0, 1], at);
    this.u8.set([1, 1, 2, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 2, 0], at + 20);
    this.setOut(0, at, length);
    return segments;
  }

  /** What was laid out, for `relay`: sealing in place leaves ciphertext behind. */
  keepBurst(count: number): { at: number; octets: Uint8Array } {
    const last = this.map.outs + (count - 1) * L.OUT_SIZE;
    const at = this.map.tunArena;
    return {
      at,
      octets: this.u8.slice(at, this.view.getUint32(last + L.OUT_PACKET, true) + this.view.getUint32(last + L.OUT_LENGTH, true)),
    };
  }

  /** Lays a kept burst out again: what read(2) would do. */
  relay({ at, octets }: { at: number; octets: Uint8Array }): void {
    this.u8.set(octets, at);
  }

  /** Where the packet `index` of the burst lies. */
  packetAt(index: number): number {
    return this.u32[(this.map.outs + index * L.OUT_SIZE + L.OUT_PACKET) >> 2] ?? 0;
  }

  /** Puts one packet that lies in packet memory into the burst. */
  setOut(index: number, packet: number, length: number): void {
    if (index >= OUT_CAPACITY) throw new RangeError("more packets than a burst holds");
    this.view.setUint32(this.map.outs + index * L.OUT_SIZE + L.OUT_PACKET, packet, true);
    this.view.setUint32(this.map.outs + index * L.OUT_SIZE + L.OUT_LENGTH, length, true);
  }

  /** The outbound path for the burst laid out: classify, frame, seal, build messages. Returns ESP packets. */
  outbound(count: number): number {
    const { kernels, map } = this;
    kernels.classify(map.outs, count);
    let first = 0;
    let packets = 0;
    while (first < count) {
      const policy = this.u32[(map.outs + first * L.OUT_SIZE + L.OUT_POLICY) >> 2] ?? 0;
      if (policy === 0) throw new Error("the benchmark's packet was dropped");
      const sa = this.u32[(policy + L.POLICY_SA) >> 2] ?? 0;
      const jobs = kernels.encap(map.outs + first * L.OUT_SIZE, count - first, sa);
      first += kernels.encapDone.value;
      this.engine.seal(this.u32[(sa + L.OSA_KEY) >> 2] ?? 0, map.jobs, jobs);
      kernels.jobsSealed();
      packets += jobs;
    }
    for (let from = 0; from < packets; from += kernels.sendsTaken.value) kernels.buildMessages(from);
    kernels.beginOutbound();
    return packets;
  }

  /** The engine alone on the jobs that `outbound` would give it. Returns packets. */
  rawSeal(count: number): number {
    const { kernels, map } = this;
    if (this.#rawJobs === 0) {
      kernels.classify(map.outs, count);
      this.#rawJobs = kernels.encap(map.outs, count, this.#outboundSa);
      kernels.jobsSealed();
      kernels.beginOutbound();
    }
    this.engine.seal(this.u32[(this.#outboundSa + L.OSA_KEY) >> 2] ?? 0, map.jobs, this.#rawJobs);
    return this.#rawJobs;
  }

  #rawJobs = 0;

  /** Another burst was laid out. */
  forgetRawJobs(): void {
    this.#rawJobs = 0;
  }

  /** Seals the burst laid out and keeps the ESP octets as one received message each time `inbound` wants it. */
  captureSealed(count: number): { octets: Uint8Array; segment: number } {
    const { kernels, map } = this;
    kernels.classify(map.outs, count);
    const jobs = kernels.encap(map.outs, count, this.#outboundSa);
    this.engine.seal(this.u32[(this.#outboundSa + L.OSA_KEY) >> 2] ?? 0, map.jobs, jobs);
    kernels.jobsSealed();
    const first = this.view.getUint32(map.sends + L.SEND_PACKET, true);
    const segment = this.view.getUint32(map.sends + L.SEND_LENGTH, true);
    const octets = this.u8.slice(first, first + jobs * segment);
    kernels.beginOutbound();
    return { octets, segment };
  }

  /** Puts captured ESP back where a message is received: the copy that the kernel would make, timed apart by `restore` alone. */
  restore({ octets }: { octets: Uint8Array }): void {
    this.u8.set(octets, this.map.rxBuffers);
  }

  /** The inbound path for the message restored: look up, replay check, open, compare, commit, selectors, join. Returns packets delivered. */
  inbound({ octets, segment }: { octets: Uint8Array; segment: number }): number {
    return this.inboundAt(this.map.rxBuffers, octets.length, segment, false);
  }

  /** As {@link inbound}, for a message that lies elsewhere in packet memory. */
  inboundAt(data: number, length: number, segment: number, handedOn: boolean): number {
    const { kernels, map } = this;
    // The same packets again and again: the window forgets them, so that none is a replay. They are fewer than 64, so all are in its first word.
    this.view.setBigUint64(this.#inboundSa + L.ISA_TOP, 0n, true);
    this.view.setBigUint64(this.#bitmap, 0n, true);
    kernels.prepare(data, length, segment, 0, this.#inboundSa + L.ISA_PEER, handedOn ? L.FROM_RING : L.FROM_UDP);
    const count = kernels.preparedCount.value;
    this.engine.open(this.#inboundKey, map.jobs, count);
    kernels.finish();
    let delivered = 0;
    kernels.join();
    const deliveries = kernels.deliveryCount.value;
    for (let i = 0; i < deliveries; i++) delivered += this.u32[(map.deliveries + i * L.DELIVERY_SIZE + L.DELIVERY_PACKETS) >> 2] ?? 0;
    if (delivered !== count) throw new Error("the benchmark's packet was dropped");
    kernels.beginInbound();
    return delivered;
  }

  /** Drops the inbound SA: what is restored belongs to another worker from now on. */
  disownInbound(): void {
    this.sad.removeInbound(SPI);
  }

  /** The inbound path of a message of another worker's SA, up to its ring. Returns packets handed on. */
  handOnInbound({ octets, segment }: { octets: Uint8Array; segment: number }, ring: RingProducer): number {
    const { kernels, map, base } = this;
    kernels.prepare(map.rxBuffers, octets.length, segment, 0, map.rxNames, L.FROM_UDP);
    for (let i = 0; i < kernels.foreignCount.value; i++) {
      const record = (map.foreigners + i * FOREIGN_SIZE) >> 2;
      const [data, length] = [this.u32[record] ?? 0, this.u32[record + 1] ?? 0];
      if (!ring.pushInbound(base + data, length, segment, 0, base + map.rxNames, memcpy)) throw new Error("the ring is full");
    }
    kernels.foreignTaken();
    kernels.beginInbound();
    return octets.length / segment;
  }

  /** The outbound path of a burst that meets a stub, up to its owner's ring. Returns packets handed on. */
  handOnOutbound(count: number, ring: RingProducer): number {
    const { kernels, map, base } = this;
    kernels.classify(map.outs, count);
    for (let first = 0; first < count;) {
      const outs = map.outs + first * L.OUT_SIZE;
      const taken = neighbours(this.u32, outs, count - first);
      if (!ring.pushOutbound(this.u32, base, outs, taken, 1, memcpy)) throw new Error("the ring is full");
      first += taken;
    }
    return count;
  }

  /** From now on packets go over the SA that all workers may use. */
  useSharedSa(): void {
    this.sad.setEntry(POLICY, { kind: "shared", sa: SHARED, ask: false });
  }

  useOwnSa(): void {
    this.sad.setEntry(POLICY, { kind: "own", sa: OWN });
  }

  /** Reserves sequence numbers of the shared SA for a run, as worker/outbound.ts does. @param counter one for all workers */
  reserve(counter: Int32Array, packets: number): void {
    const used = Atomics.load(counter, 0) >>> 0;
    if (used >= SHARED_LIMIT) Atomics.store(counter, 0, 0);
    const start = Atomics.add(counter, 0, packets) >>> 0;
    this.view.setUint32(this.#sharedSa + L.OSA_SEQ, start + 1, true);
    this.view.setUint32(this.#sharedSa + L.OSA_SEQ + 4, 0, true);
    this.view.setUint32(this.#sharedSa + L.OSA_SEQ_LIMIT, start + packets, true);
    this.view.setUint32(this.#sharedSa + L.OSA_SEQ_LIMIT + 4, 0, true);
  }

  get #bitmap(): number {
    return this.view.getUint32(this.#inboundSa + L.ISA_BITMAP, true);
  }

  /** The engine alone on the message restored. Opens in place, which for these ciphers costs the same on any octets. */
  rawOpen({ octets, segment }: { octets: Uint8Array; segment: number }): number {
    const { kernels, map } = this;
    if (this.#rawJobs === 0) {
      this.view.setBigUint64(this.#inboundSa + L.ISA_TOP, 0n, true);
      kernels.prepare(map.rxBuffers, octets.length, segment, 0, this.#inboundSa + L.ISA_PEER, L.FROM_UDP);
      this.#rawJobs = kernels.preparedCount.value;
      kernels.beginInbound();
    }
    this.engine.open(this.#inboundKey, map.jobs, this.#rawJobs);
    return this.#rawJobs;
  }
}
