/** A worker's packet memory and kernels without a worker: what the kernel tests stand on. */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { configureKernels } from "../../src/dataplane/worker/configure-kernels.ts";
import { FLOW_CACHE_LINES, layOutMemory } from "../../src/dataplane/worker/memory-map.ts";
import type { MemoryMap } from "../../src/dataplane/worker/memory-map.ts";
import { cpuIndex } from "../../src/ipsec/names.ts";
import type { Kernels } from "../../src/kernels/kernels.ts";
import { instantiateKernels } from "../../src/kernels/kernels.ts";
import * as L from "../../src/kernels/layout.ts";

export const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
export const SALT = Uint8Array.of(0xca, 0xfe, 0xba, 0xbe);
/** The address that packet memory pretends to have: kernels only add it to offsets. */
export const BASE = 0x10_0000_0000;

export class KernelFrame {
  readonly map: MemoryMap = layOutMemory(1024 * 1024);
  readonly memory = new WebAssembly.Memory({ initial: this.map.pages, maximum: this.map.pages, shared: true });
  readonly kernels: Kernels = instantiateKernels(this.memory);
  readonly u8 = new Uint8Array(this.memory.buffer);
  readonly view = new DataView(this.memory.buffer);
  #cursor = this.map.saArena;

  constructor() {
    configureKernels(this.kernels, this.map, BASE, {
      steering: { mask: 0, multiplier: 1 },
      memories: [this.memory],
      self: cpuIndex(0),
      udpOffload: true,
    });
    this.kernels.configureSad(this.take(4096 * 8), 4096);
    this.kernels.configureSpd(this.map.flowCache, FLOW_CACHE_LINES, this.map.policyOrder);
    this.kernels.beginOutbound();
    this.kernels.beginInbound();
  }

  /** `octets` of zeroed packet memory. */
  take(octets: number): number {
    const at = this.#cursor;
    this.#cursor = Math.ceil((at + octets) / 64) * 64;
    this.u8.fill(0, at, this.#cursor);
    return at;
  }

  drops(code: number): number {
    return this.view.getFloat64(this.map.drops + code * 8, true);
  }

  /** A selector record for everything of one family (or the given range). */
  selector(family: 4 | 6, options: { protocol?: number; ports?: [number, number]; start?: bigint; end?: bigint } = {}): number {
    const at = this.take(L.TS_SIZE);
    const all = family === 4 ? 0xffffffffn : (1n << 128n) - 1n;
    const start = options.start ?? 0n;
    const end = options.end ?? all;
    this.view.setUint32(at + L.TS_FAMILY, family, true);
    this.view.setUint32(at + L.TS_PROTOCOL, options.protocol ?? 0, true);
    this.view.setUint32(at + L.TS_PORT_LOW, options.ports?.[0] ?? 0, true);
    this.view.setUint32(at + L.TS_PORT_HIGH, options.ports?.[1] ?? 65535, true);
    this.view.setBigUint64(at + L.TS_START_HIGH, start >> 64n, true);
    this.view.setBigUint64(at + L.TS_START_LOW, BigInt.asUintN(64, start), true);
    this.view.setBigUint64(at + L.TS_END_HIGH, end >> 64n, true);
    this.view.setBigUint64(at + L.TS_END_LOW, BigInt.asUintN(64, end), true);
    return at;
  }

  /** Installs the policies in order, each with one local and one remote selector; returns their addresses. */
  policies(selectors: readonly { local: number; remote: number }[]): number[] {
    const addresses = selectors.map(({ local, remote }, i) => {
      const at = this.take(L.POLICY_SIZE);
      this.view.setUint32(at + L.POLICY_ID, i + 1, true);
      this.view.setUint32(at + L.POLICY_LOCAL_TS, local, true);
      this.view.setUint32(at + L.POLICY_LOCAL_TS_COUNT, 1, true);
      this.view.setUint32(at + L.POLICY_REMOTE_TS, remote, true);
      this.view.setUint32(at + L.POLICY_REMOTE_TS_COUNT, 1, true);
      this.view.setUint32(this.map.policyOrder + i * 4, at, true);
      return at;
    });
    this.kernels.spdChanged(addresses.length);
    return addresses;
  }

  outboundSa(spi: number, options: { esn?: boolean; seq?: bigint; limit?: bigint; flags?: number } = {}): number {
    const at = this.take(L.OSA_SIZE);
    this.view.setUint32(at + L.OSA_SPI, spi, true);
    this.view.setUint32(at + L.OSA_FLAGS, (options.esn === true ? L.OSA_ESN : 0) | (options.flags ?? 0), true);
    this.u8.set(SALT, at + L.OSA_SALT);
    this.view.setUint32(at + L.OSA_HEADER, L.ESP_HEADER, true);
    this.view.setUint32(at + L.OSA_PAD_MASK, 3, true);
    this.view.setUint32(at + L.OSA_ICV, L.ESP_ICV, true);
    this.view.setBigUint64(at + L.OSA_SEQ, options.seq ?? 1n, true);
    this.view.setBigUint64(at + L.OSA_SEQ_LIMIT, options.limit ?? 0xffffffffn, true);
    for (const limit of [L.OSA_SOFT_PACKETS, L.OSA_HARD_PACKETS, L.OSA_SOFT_BYTES, L.OSA_HARD_BYTES])
      this.view.setFloat64(at + limit, Infinity, true);
    return at;
  }

  inboundSa(spi: number, options: { esn?: boolean; window?: number; local?: number; remote?: number; flags?: number } = {}): number {
    const at = this.take(L.ISA_SIZE);
    const window = options.window ?? 64;
    const words = window === 0 ? 0 : 2 ** Math.ceil(Math.log2(window / 64 + 1));
    this.view.setUint32(at + L.ISA_SPI, spi, true);
    this.view.setUint32(at + L.ISA_FLAGS, (options.esn === true ? L.ISA_ESN : 0) | (options.flags ?? 0), true);
    this.u8.set(SALT, at + L.ISA_SALT);
    this.view.setUint8(at + L.ISA_HEADER, L.ESP_HEADER);
    this.view.setUint8(at + L.ISA_PAD_MASK, 3);
    this.view.setUint8(at + L.ISA_ICV, L.ESP_ICV);
    this.view.setUint32(at + L.ISA_WINDOW, window, true);
    this.view.setUint32(at + L.ISA_BITMAP, this.take(Math.max(words, 1) * 8), true);
    this.view.setUint32(at + L.ISA_BITMAP_MASK, Math.max(words - 1, 0), true);
    this.view.setUint32(at + L.ISA_LOCAL_TS, options.local ?? this.selector(4), true);
    this.view.setUint32(at + L.ISA_LOCAL_TS_COUNT, 1, true);
    this.view.setUint32(at + L.ISA_REMOTE_TS, options.remote ?? this.selector(4), true);
    this.view.setUint32(at + L.ISA_REMOTE_TS_COUNT, 1, true);
    for (const limit of [L.ISA_SOFT_PACKETS, L.ISA_HARD_PACKETS, L.ISA_SOFT_BYTES, L.ISA_HARD_BYTES])
      this.view.setFloat64(at + limit, Infinity, true);
    this.kernels.insertInbound(spi, at);
    return at;
  }

  /** Puts a packet where the TUN device would have put it, with its virtio-net header; fills OUT record `index`. */
  putOut(
    index: number,
    at: number,
    packet: Uint8Array,
    vnet?: { flags?: number; gso?: number; size?: number; start?: number; offset?: number },
  ): void {
    this.u8.fill(0, at - L.VNET_HEADER, at);
    this.u8.set(packet, at);
    const v = at - L.VNET_HEADER;
    this.u8[v] = vnet?.flags ?? 0;
    this.u8[v + 1] = vnet?.gso ?? 0;
    this.view.setUint16(v + 4, vnet?.size ?? 0, true);
    this.view.setUint16(v + 6, vnet?.start ?? 0, true);
    this.view.setUint16(v + 8, vnet?.offset ?? 0, true);
    this.view.setUint32(this.map.outs + index * L.OUT_SIZE + L.OUT_PACKET, at, true);
    this.view.setUint32(this.map.outs + index * L.OUT_SIZE + L.OUT_LENGTH, packet.length, true);
  }

  /** The jobs as the engines would do them, by node:crypto: AES-128-GCM under {@link KEY}. */
  sealJobs(count: number): void {
    for (let i = 0; i < count; i++) {
      const job = this.#job(i);
      const cipher = createCipheriv("aes-128-gcm", KEY, job.nonce);
      cipher.setAAD(job.aad);
      this.u8.set(cipher.update(job.text), job.payload);
      cipher.final();
      this.u8.set(cipher.getAuthTag(), job.icv);
    }
  }

  /** Decrypts in place and writes the computed ICV, as an engine's `open`. */
  openJobs(count: number): void {
    for (let i = 0; i < count; i++) {
      const job = this.#job(i);
      const received = this.u8.slice(job.payload + job.text.length, job.payload + job.text.length + 16);
      const decipher = createDecipheriv("aes-128-gcm", KEY, job.nonce);
      decipher.setAAD(job.aad);
      decipher.setAuthTag(received);
      const text = decipher.update(job.text);
      let good = true;
      try {
        decipher.final();
      } catch {
        good = false;
      }
      this.u8.set(text, job.payload);
      this.u8.set(good ? received : received.map((octet) => ~octet & 0xff), job.icv);
    }
  }

  #job(i: number): { payload: number; text: Uint8Array; aad: Uint8Array; nonce: Uint8Array; icv: number } {
    const at = this.map.jobs + i * L.JOB_SIZE;
    const field = (offset: number): number => this.view.getUint32(at + offset, true);
    const payload = field(L.JOB_PAYLOAD);
    return {
      payload,
      text: this.u8.slice(payload, payload + field(L.JOB_LENGTH)),
      aad: this.u8.slice(field(L.JOB_AAD), field(L.JOB_AAD) + field(L.JOB_AAD_LENGTH)),
      nonce: this.u8.slice(field(L.JOB_NONCE), field(L.JOB_NONCE) + 12),
      icv: field(L.JOB_ICV),
    };
  }

  /** The ESP packets that wait to be sent. */
  sent(): Uint8Array[] {
    return Array.from({ length: this.kernels.sendCount.value }, (_, i) => {
      const at = this.map.sends + i * L.SEND_SIZE;
      const packet = this.view.getUint32(at + L.SEND_PACKET, true);
      return this.u8.slice(packet, packet + this.view.getUint32(at + L.SEND_LENGTH, true));
    });
  }

  /** Lays ESP packets side by side as one received message and prepares, opens and finishes it. Returns the inner packets that came out. */
  receive(packets: readonly Uint8Array[], options: { tos?: number } = {}): Uint8Array[] {
    this.kernels.beginInbound();
    this.prepare(packets, options);
    this.openJobs(this.kernels.preparedCount.value);
    this.kernels.finish();
    return this.delivered();
  }

  /** Each packet is a message of its own. */
  prepare(packets: readonly Uint8Array[], options: { tos?: number } = {}): void {
    let at = this.map.rxBuffers;
    for (const packet of packets) {
      this.u8.set(packet, at);
      this.kernels.prepare(at, packet.length, packet.length, options.tos ?? 0, this.map.rxNames, L.FROM_UDP);
      at = Math.ceil((at + packet.length) / 64) * 64;
    }
  }

  delivered(): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (let i = 0; i < this.kernels.preparedCount.value; i++) {
      const at = this.map.ins + i * L.IN_SIZE;
      const length = this.view.getUint32(at + L.IN_LENGTH, true);
      const packet = this.view.getUint32(at + L.IN_PACKET, true);
      if (length > 0) packets.push(this.u8.slice(packet, packet + length));
    }
    return packets;
  }
}
