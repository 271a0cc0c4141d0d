/**
 * One worker's SAD and SPD: the records in packet memory that the kernels read, made and removed as control says (RFC 2367 verbs). Only the
 * worker itself writes here, between two bursts; so no other CPU ever waits for it, and it for none.
 */
import { propertiesOf } from "../../ipsec/esp-cipher.ts";
import type { EspCipherProperties } from "../../ipsec/esp-cipher.ts";
import type { ChildSaId, EspSpi, PolicyId } from "../../ipsec/names.ts";
import type {
  InboundSaSpec,
  OnMissingSa,
  OutboundEntry,
  OutboundSaSpec,
  PolicySpec,
  SadbMessage,
  SocketAddress,
} from "../../ipsec/sadb.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import * as L from "../../kernels/layout.ts";
import { ESP_HEADER_LENGTH } from "../../wire/esp.ts";
import type { TrafficSelector } from "../../wire/traffic-selector.ts";
import type { CipherEngine } from "../engines/engine.ts";
import { writeIvSecret } from "../engines/iv-secret.ts";
import type { DestinationTable } from "./destinations.ts";
import { FLOW_CACHE_LINES, POLICY_CAPACITY } from "./memory-map.ts";
import type { MemoryMap } from "./memory-map.ts";
import { headerTemplate } from "./header-template.ts";
import { SlabAllocator } from "./slab-allocator.ts";

const INITIAL_TABLE = 1024;
const MAX_NON_ESN_SEQUENCE = 0xffffffff;
/** Order of POLICY_ON_MISSING. */
export const ON_MISSING: readonly OnMissingSa[] = ["resteer", "shared", "hold", "drop"];

class SadFull extends Error {
  constructor() {
    super("the worker's SAD is full: raise daemon.max_sas_per_cpu");
    this.name = "SadFull";
  }
}

class SpdFull extends Error {
  constructor() {
    super(`the worker's SPD is full: it takes ${POLICY_CAPACITY} policies`);
    this.name = "SpdFull";
  }
}

interface Block {
  readonly address: number;
  readonly octets: number;
}

export interface OutboundSa {
  readonly id: ChildSaId;
  readonly address: number;
  readonly shared: boolean;
  readonly sharedCounter: number;
  readonly local: SocketAddress;
  remote: SocketAddress;
  readonly keyHandle: number;
  readonly blocks: readonly Block[];
  hardReported: boolean;
}

export interface InboundSa {
  readonly id: ChildSaId;
  readonly spi: EspSpi;
  readonly address: number;
  readonly local: SocketAddress;
  readonly keyHandle: number;
  readonly blocks: readonly Block[];
  hardReported: boolean;
}

export interface Policy {
  readonly spec: PolicySpec;
  readonly address: number;
  readonly blocks: readonly Block[];
}

export class WorkerSad {
  readonly #kernels: Kernels;
  readonly #engine: CipherEngine;
  readonly #map: MemoryMap;
  readonly #destinations: DestinationTable;
  readonly #slab: SlabAllocator;
  readonly #view: DataView;
  readonly #octets: Uint8Array;
  readonly #inbound = new Map<EspSpi, InboundSa>();
  readonly #outbound = new Map<ChildSaId, OutboundSa>();
  readonly #policies = new Map<PolicyId, Policy>();
  readonly #byAddress = new Map<number, OutboundSa | InboundSa | Policy>();
  #table: Block;
  #tableCapacity = INITIAL_TABLE;

  constructor(memory: WebAssembly.Memory, map: MemoryMap, kernels: Kernels, engine: CipherEngine, destinations: DestinationTable) {
    this.#kernels = kernels;
    this.#engine = engine;
    this.#map = map;
    this.#destinations = destinations;
    this.#slab = new SlabAllocator(map.saArena, map.saArenaSize);
    this.#view = new DataView(memory.buffer);
    this.#octets = new Uint8Array(memory.buffer);
    this.#table = this.#allocate(INITIAL_TABLE * 8);
    kernels.configureSad(this.#table.address, INITIAL_TABLE);
    kernels.configureSpd(map.flowCache, FLOW_CACHE_LINES, map.policyOrder);
  }

  outboundAt(address: number): OutboundSa | undefined {
    return this.#byAddress.get(address) as OutboundSa | undefined;
  }

  inboundAt(address: number): InboundSa | undefined {
    return this.#byAddress.get(address) as InboundSa | undefined;
  }

  policyAt(address: number): Policy | undefined {
    return this.#byAddress.get(address) as Policy | undefined;
  }

  policy(id: PolicyId): Policy | undefined {
    return this.#policies.get(id);
  }

  /** @throws Error when there is no room for it, or no header can be made for it; nothing of the SA is left behind then. */
  addInbound(spec: InboundSaSpec): InboundSa {
    if (this.#inbound.has(spec.spi)) this.removeInbound(spec.spi);
    if ((this.#inbound.size + 1) * 2 > this.#tableCapacity) this.#growTable();
    const words = spec.replayWindow === 0 ? 0 : 2 ** Math.ceil(Math.log2(Math.ceil(spec.replayWindow / 64) + 1));
    const blocks = this.#allocateAll([
      L.ISA_SIZE,
      this.#engine.keySlotSize(spec.cipher),
      Math.max(words * 8, 8),
      Math.max(spec.localTs.length * L.TS_SIZE, 8),
      Math.max(spec.remoteTs.length * L.TS_SIZE, 8),
    ]);
    const [runtime, keySlot, bitmap, localTs, remoteTs] = blocks as [Block, Block, Block, Block, Block];
    const at = runtime.address;
    const view = this.#view;
    const cipher = propertiesOf(spec.cipher);
    const keyHandle = this.#orGiveBack(blocks, () => {
      if (spec.mode === "transport") this.#octets.set(headerTemplate(spec), at + L.ISA_IP_HEADER);
      this.#destinations.writeSockaddr(at + L.ISA_PEER, spec.remote);
      return this.#expandKey(cipher, spec.keymat, keySlot.address, at + L.ISA_SALT);
    });
    const flags =
      (spec.esn ? L.ISA_ESN : 0) |
      (spec.copyEcn ? L.ISA_COPY_ECN : 0) |
      (spec.mode === "transport" ? L.ISA_TRANSPORT : 0) |
      (cipher.mac === undefined ? 0 : L.ISA_SEPARATE_MAC) |
      (cipher.mode === "cbc" ? L.ISA_CBC : 0) |
      (cipher.icvLength !== 16 || (cipher.mac !== undefined && spec.esn) ? L.ISA_OTHER_ICV : 0);
    view.setUint32(at + L.ISA_SPI, spec.spi, true);
    view.setUint32(at + L.ISA_FLAGS, flags, true);
    view.setUint8(at + L.ISA_HEADER, ESP_HEADER_LENGTH + cipher.ivLength);
    view.setUint8(at + L.ISA_PAD_MASK, cipher.alignment - 1);
    view.setUint8(at + L.ISA_ICV, cipher.icvLength);
    view.setUint32(at + L.ISA_KEY, keyHandle, true);
    view.setUint32(at + L.ISA_WINDOW, Math.ceil(spec.replayWindow / 64) * 64, true);
    view.setUint32(at + L.ISA_BITMAP, bitmap.address, true);
    view.setUint32(at + L.ISA_BITMAP_MASK, Math.max(words - 1, 0), true);
    view.setUint32(at + L.ISA_LOCAL_TS, localTs.address, true);
    view.setUint32(at + L.ISA_LOCAL_TS_COUNT, this.#writeSelectors(localTs.address, spec.localTs), true);
    view.setUint32(at + L.ISA_REMOTE_TS, remoteTs.address, true);
    view.setUint32(at + L.ISA_REMOTE_TS_COUNT, this.#writeSelectors(remoteTs.address, spec.remoteTs), true);
    view.setUint32(at + L.ISA_ID, spec.id, true);
    view.setFloat64(at + L.ISA_SOFT_PACKETS, spec.limits.softPackets, true);
    view.setFloat64(at + L.ISA_HARD_PACKETS, spec.limits.hardPackets, true);
    view.setFloat64(at + L.ISA_SOFT_BYTES, spec.limits.softBytes, true);
    view.setFloat64(at + L.ISA_HARD_BYTES, spec.limits.hardBytes, true);
    const sa: InboundSa = { id: spec.id, spi: spec.spi, address: at, local: spec.local, keyHandle, blocks, hardReported: false };
    this.#inbound.set(spec.spi, sa);
    this.#byAddress.set(at, sa);
    this.#kernels.insertInbound(spec.spi, at);
    return sa;
  }

  removeInbound(spi: EspSpi): void {
    const sa = this.#inbound.get(spi);
    if (sa === undefined) return;
    this.#kernels.removeInbound(spi);
    this.#inbound.delete(spi);
    this.#release(sa.address, sa.keyHandle, sa.blocks);
  }

  /** @throws Error when there is no room for it, or no way to its peer; nothing of the SA is left behind then. */
  addOutbound(spec: OutboundSaSpec, sharedCounter: number): OutboundSa {
    this.removeOutbound(spec.id);
    const dest = this.#destinations.acquire(spec.local, spec.remote, spec.encapsulation);
    try {
      return this.#addOutbound(spec, sharedCounter, dest);
    } catch (error) {
      this.#destinations.release(dest);
      throw error;
    }
  }

  #addOutbound(spec: OutboundSaSpec, sharedCounter: number, dest: number): OutboundSa {
    const blocks = this.#allocateAll([L.OSA_SIZE, this.#engine.keySlotSize(spec.cipher)]);
    const [runtime, keySlot] = blocks as [Block, Block];
    const at = runtime.address;
    const view = this.#view;
    const cipher = propertiesOf(spec.cipher);
    const keyHandle = this.#orGiveBack(blocks, () => this.#expandKey(cipher, spec.keymat, keySlot.address, at + L.OSA_SALT));
    // In transport mode the outer header is the packet's own.
    const isTransport = spec.mode === "transport";
    const flags =
      (spec.esn ? L.OSA_ESN : 0) |
      (spec.shared ? L.OSA_SHARED : 0) |
      (spec.copyDscp || isTransport ? L.OSA_COPY_DSCP : 0) |
      (spec.copyEcn || isTransport ? L.OSA_COPY_ECN : 0) |
      (isTransport ? L.OSA_TRANSPORT : 0) |
      (cipher.mac === undefined ? 0 : L.OSA_SEPARATE_MAC) |
      (cipher.mode === "cbc" ? L.OSA_CBC : 0) |
      (fitsAroundPackets(cipher) ? 0 : L.OSA_COPIES);
    view.setUint32(at + L.OSA_SPI, spec.spi, true);
    view.setUint32(at + L.OSA_FLAGS, flags, true);
    view.setUint32(at + L.OSA_HEADER, ESP_HEADER_LENGTH + cipher.ivLength, true);
    view.setUint32(at + L.OSA_PAD_MASK, cipher.alignment - 1, true);
    view.setUint32(at + L.OSA_ICV, cipher.icvLength, true);
    // Each worker may have its own: the IVs of a shared SA differ by their sequence numbers.
    if (cipher.mode === "cbc") writeIvSecret(this.#octets, at + L.OSA_IV_SECRET);
    view.setUint32(at + L.OSA_KEY, keyHandle, true);
    // The first packet has sequence number 1 (RFC 4303 §3.3.3). A shared SA may use nothing until it has reserved numbers.
    view.setBigUint64(at + L.OSA_SEQ, 1n, true);
    view.setBigUint64(at + L.OSA_SEQ_LIMIT, spec.shared ? 0n : spec.esn ? 0x7fffffffffffffffn : BigInt(MAX_NON_ESN_SEQUENCE), true);
    view.setFloat64(at + L.OSA_SOFT_PACKETS, spec.limits.softPackets, true);
    view.setFloat64(at + L.OSA_HARD_PACKETS, spec.limits.hardPackets, true);
    view.setFloat64(at + L.OSA_SOFT_BYTES, spec.limits.softBytes, true);
    view.setFloat64(at + L.OSA_HARD_BYTES, spec.limits.hardBytes, true);
    view.setUint32(at + L.OSA_DEST, dest, true);
    view.setUint32(at + L.OSA_ID, spec.id, true);
    view.setUint32(at + L.OSA_SHARED_COUNTER, sharedCounter, true);
    const sa: OutboundSa = {
      id: spec.id,
      address: at,
      shared: spec.shared,
      sharedCounter,
      local: spec.local,
      remote: spec.remote,
      keyHandle,
      blocks,
      hardReported: false,
    };
    this.#outbound.set(spec.id, sa);
    this.#byAddress.set(at, sa);
    return sa;
  }

  /** Entries that still point to the SA are emptied first: a dead runtime is never sealed with. */
  removeOutbound(id: ChildSaId): void {
    const sa = this.#outbound.get(id);
    if (sa === undefined) return;
    for (const { address } of this.#policies.values()) {
      if (this.#view.getUint32(address + L.POLICY_SA, true) === sa.address) this.#writeEntry(address, { kind: "none", ask: true });
    }
    this.#destinations.release(this.#view.getUint32(sa.address + L.OSA_DEST, true));
    this.#outbound.delete(id);
    this.#release(sa.address, sa.keyHandle, sa.blocks);
  }

  /** @throws Error when there is no way to send there; the SA goes on sending to where it did. */
  updateAddresses({ id, local, remote, encapsulation }: Extract<SadbMessage, { verb: "updateAddresses" }>): void {
    const sa = this.#outbound.get(id);
    if (sa === undefined) return;
    const at = sa.address + L.OSA_DEST;
    this.#view.setUint32(at, this.#destinations.move(this.#view.getUint32(at, true), local, remote, encapsulation), true);
    sa.remote = remote;
  }

  /** @throws Error when there is no room for it: the SPD is then without it. */
  addPolicy(spec: PolicySpec): void {
    this.removePolicy(spec.id);
    if (this.#policies.size >= POLICY_CAPACITY) throw new SpdFull();
    const blocks = this.#allocateAll([
      L.POLICY_SIZE,
      Math.max(spec.localTs.length * L.TS_SIZE, 8),
      Math.max(spec.remoteTs.length * L.TS_SIZE, 8),
    ]);
    const [record, localTs, remoteTs] = blocks as [Block, Block, Block];
    const at = record.address;
    const view = this.#view;
    view.setUint32(at + L.POLICY_ID, spec.id, true);
    view.setUint32(at + L.POLICY_LOCAL_TS, localTs.address, true);
    view.setUint32(at + L.POLICY_LOCAL_TS_COUNT, this.#writeSelectors(localTs.address, spec.localTs), true);
    view.setUint32(at + L.POLICY_REMOTE_TS, remoteTs.address, true);
    view.setUint32(at + L.POLICY_REMOTE_TS_COUNT, this.#writeSelectors(remoteTs.address, spec.remoteTs), true);
    view.setUint32(at + L.POLICY_ON_MISSING, ON_MISSING.indexOf(spec.onMissingSa), true);
    this.#writeEntry(at, { kind: "none", ask: true });
    const policy = { spec, address: at, blocks };
    this.#policies.set(spec.id, policy);
    this.#byAddress.set(at, policy);
    this.#orderPolicies();
  }

  removePolicy(id: PolicyId): void {
    const policy = this.#policies.get(id);
    if (policy === undefined) return;
    this.#policies.delete(id);
    this.#byAddress.delete(policy.address);
    this.#orderPolicies();
    for (const block of policy.blocks) this.#slab.release(block.address, block.octets);
  }

  /** False: the policy is not there (any more). An entry that names an SA which is not here becomes "none", so that a packet asks again. */
  setEntry(id: PolicyId, entry: OutboundEntry): boolean {
    const policy = this.#policies.get(id);
    if (policy === undefined) return false;
    this.#writeEntry(policy.address, entry);
    return true;
  }

  /** Removes everything and wipes the keys. */
  clear(): void {
    for (const id of [...this.#policies.keys()]) this.removePolicy(id);
    for (const id of [...this.#outbound.keys()]) this.removeOutbound(id);
    for (const spi of [...this.#inbound.keys()]) this.removeInbound(spi);
  }

  #writeEntry(at: number, entry: OutboundEntry): void {
    const view = this.#view;
    let kind = L.ENTRY_NONE;
    let sa = 0;
    let owner = 0;
    let ask = "ask" in entry && entry.ask ? 1 : 0;
    if (entry.kind === "stub") {
      kind = L.ENTRY_STUB;
      owner = entry.owner;
    } else if (entry.kind !== "none") {
      const found = this.#outbound.get(entry.sa);
      if (found === undefined) ask = 1;
      else {
        kind = entry.kind === "own" ? L.ENTRY_OWN : L.ENTRY_SHARED;
        sa = found.address;
      }
    }
    view.setUint32(at + L.POLICY_ENTRY, kind, true);
    view.setUint32(at + L.POLICY_SA, sa, true);
    view.setUint32(at + L.POLICY_OWNER, owner, true);
    view.setUint32(at + L.POLICY_ASK, ask, true);
  }

  #orderPolicies(): void {
    const ordered = [...this.#policies.values()].sort((a, b) => a.spec.priority - b.spec.priority || a.spec.id - b.spec.id);
    ordered.forEach((policy, index) => this.#view.setUint32(this.#map.policyOrder + index * 4, policy.address, true));
    this.#kernels.spdChanged(ordered.length);
  }

  #writeSelectors(at: number, selectors: readonly TrafficSelector[]): number {
    for (const ts of selectors) {
      this.#view.setUint32(at + L.TS_FAMILY, ts.family, true);
      this.#view.setUint32(at + L.TS_PROTOCOL, ts.protocol, true);
      this.#view.setUint32(at + L.TS_PORT_LOW, ts.startPort, true);
      this.#view.setUint32(at + L.TS_PORT_HIGH, ts.endPort, true);
      this.#view.setBigUint64(at + L.TS_START_HIGH, ts.start >> 64n, true);
      this.#view.setBigUint64(at + L.TS_START_LOW, BigInt.asUintN(64, ts.start), true);
      this.#view.setBigUint64(at + L.TS_END_HIGH, ts.end >> 64n, true);
      this.#view.setBigUint64(at + L.TS_END_LOW, BigInt.asUintN(64, ts.end), true);
      at += L.TS_SIZE;
    }
    return selectors.length;
  }

  /** Takes KEYMAT apart (cipher key, salt, integrity key), expands the keys, puts the salt at `salt`, and wipes what was handed in. */
  #expandKey({ name, keyLength, saltLength }: EspCipherProperties, keymat: Uint8Array, slot: number, salt: number): number {
    const key = new Uint8Array(keymat.length - saltLength);
    try {
      key.set(keymat.subarray(0, keyLength));
      key.set(keymat.subarray(keyLength + saltLength), keyLength);
      this.#octets.set(keymat.subarray(keyLength, keyLength + saltLength), salt);
      return this.#engine.expandKey(name, key, slot);
    } finally {
      key.fill(0);
      keymat.fill(0);
    }
  }

  #release(address: number, keyHandle: number, blocks: readonly Block[]): void {
    this.#byAddress.delete(address);
    this.#engine.forgetKey(keyHandle);
    this.#giveBack(blocks);
  }

  /** The steps of an SA's making that may fail, the expansion of its key last: then no key stays behind of what is refused. */
  #orGiveBack<T>(blocks: readonly Block[], steps: () => T): T {
    try {
      return steps();
    } catch (error) {
      this.#giveBack(blocks);
      throw error;
    }
  }

  #giveBack(blocks: readonly Block[]): void {
    for (const block of blocks) {
      this.#octets.fill(0, block.address, block.address + block.octets);
      this.#slab.release(block.address, block.octets);
    }
  }

  #allocate(octets: number): Block {
    const address = this.#slab.allocate(octets);
    if (address === undefined) throw new SadFull();
    this.#octets.fill(0, address, address + octets);
    return { address, octets };
  }

  #allocateAll(sizes: readonly number[]): Block[] {
    const blocks: Block[] = [];
    try {
      for (const size of sizes) blocks.push(this.#allocate(size));
      return blocks;
    } catch (error) {
      for (const block of blocks) this.#slab.release(block.address, block.octets);
      throw error;
    }
  }

  #growTable(): void {
    const bigger = this.#allocate(this.#tableCapacity * 2 * 8);
    this.#slab.release(this.#table.address, this.#table.octets);
    this.#table = bigger;
    this.#tableCapacity *= 2;
    this.#kernels.configureSad(bigger.address, this.#tableCapacity);
    for (const sa of this.#inbound.values()) this.#kernels.insertInbound(sa.spi, sa.address);
  }
}

/** Whether header and trailer of every packet fit the room that is kept around packets as they are read. */
function fitsAroundPackets({ ivLength, icvLength, alignment }: EspCipherProperties): boolean {
  return ESP_HEADER_LENGTH + ivLength <= L.ESP_HEADER && icvLength <= L.ESP_ICV && alignment <= 4;
}
