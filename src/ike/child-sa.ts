/** One Child SA: an inbound and an outbound ESP SA that live and die together (RFC 7296 §1.3.1), and their installation in the data plane. */
import type { ChildSaId, CpuIndex, EspSpi, PolicyId } from "../ipsec/names.ts";
import type { LifetimePlan } from "../ipsec/lifetimes.ts";
import type { EspCipher } from "../ipsec/esp-cipher.ts";
import type { OutboundSaSpec, SaMode, SaUsage } from "../ipsec/sadb.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";
import type { ChildConfig } from "./config.ts";
import { BrokenInvariant } from "./errors.ts";
import { sameEspPath, type EspPath } from "./esp-path.ts";
import type { Outputs } from "./outputs.ts";
import type { Followup } from "./pending-followups.ts";
import type { RivalRekey } from "./rival-rekey.ts";
import type { Timer } from "./timers.ts";

export type { TransportAddresses } from "./addresses.ts";

/** What a peer's rekey of a Child SA that we are rekeying ourselves tells our exchange (RFC 7296 §2.8.1). */
export interface ChildRekeyInProgress {
  /** Its CREATE_CHILD_SA is answered, and the additional key exchanges are under way: too late for a collision (RFC 9370 §2.2.4). */
  readonly isFollowingUp: boolean;
  /** Told when the peer's CREATE_CHILD_SA is answered, and again when the successor is there, if that was not at once. */
  collidedWith(rival: RivalRekey<ChildSa>): void;
  /** The peer has not completed its additional key exchanges. */
  rivalGone(now: number): void;
}

/** What a Child SA needs of the group that it is a member of. */
export interface Membership {
  /** It is not to be used any more: other members take its place. */
  leave(child: ChildSa, by: "local" | "peer", now: number): void;
  /** The peer has it too: its outbound half may be used. */
  confirm(child: ChildSa, now: number): void;
  /** Nothing has passed on it for the configured time. */
  idle(child: ChildSa, now: number): void;
}

export type ChildSaState =
  | { readonly kind: "INSTALLED" }
  /** Our request to rekey it is outstanding. */
  | { readonly kind: "REKEYING"; readonly rekey: ChildRekeyInProgress }
  /** A successor made by the peer's exchange is there; the peer's Delete is to come. */
  | { readonly kind: "REKEYED" }
  /** Our Delete waits to be sent or answered. */
  | { readonly kind: "DELETING"; readonly why: string }
  /** Gone for IKE. The inbound half may linger in the data plane for a moment. */
  | { readonly kind: "DEAD" };

const NEXT: Readonly<Record<ChildSaState["kind"], readonly ChildSaState["kind"][]>> = {
  INSTALLED: ["REKEYING", "REKEYED", "DELETING", "DEAD"],
  REKEYING: ["INSTALLED", "REKEYED", "DELETING", "DEAD"],
  // The successor went before it did.
  REKEYED: ["INSTALLED", "DELETING", "DEAD"],
  DELETING: ["DEAD"],
  DEAD: [],
};

/** Everything that negotiation decided, keys apart. */
export interface ChildSaParameters {
  readonly id: ChildSaId;
  readonly config: ChildConfig;
  readonly policyId: PolicyId;
  readonly cpu: CpuIndex;
  readonly shared: boolean;
  readonly spiIn: EspSpi;
  readonly spiOut: EspSpi;
  readonly cipher: EspCipher;
  readonly esn: boolean;
  readonly mode: SaMode;
  /** The key exchange method of its own, when there was one (PFS). */
  readonly keyExchange: number | undefined;
  readonly localTs: readonly TrafficSelector[];
  readonly remoteTs: readonly TrafficSelector[];
  /** Of the exchange that made it. */
  readonly role: "initiator" | "responder";
  readonly createdAt: number;
}

export interface ChildSaKeymat {
  readonly inbound: Uint8Array;
  readonly outbound: Uint8Array;
}

export class ChildSa {
  readonly parameters: ChildSaParameters;
  readonly group: Membership;
  readonly lifetimes: LifetimePlan;
  readonly #outputs: Outputs;
  #state: ChildSaState = { kind: "INSTALLED" };
  /** Which halves the data plane has. */
  #hasOutbound = false;
  #hasInbound = false;
  /** Outbound key octets, until an entry needs them. */
  #sparedKeymat: Uint8Array | undefined;
  #path: EspPath | undefined;
  usage: SaUsage;
  /** When packets were last seen to pass, in either direction. */
  lastPacketAt: number;
  /** The peer surely has it too. */
  isConfirmed: boolean;
  /** Requests may speak of it: a peer that is still to hear of it would not know of what. */
  mayBeNamed: boolean;
  /** Our rekey of it waits to be sent or answered. */
  isRekeyQueued = false;
  /** The peer's rekey of it whose additional key exchanges are to come. */
  peersRekey: RivalRekey<ChildSa> | undefined;
  peersFollowup: Followup | undefined;
  /** What the peer's rekey put in its place. */
  successor: ChildSa | undefined;
  /** In whose place the peer's rekey put it. */
  predecessor: ChildSa | undefined;
  readonly timers: Timer[] = [];

  constructor(parameters: ChildSaParameters, group: Membership, lifetimes: LifetimePlan, outputs: Outputs) {
    this.parameters = parameters;
    this.group = group;
    this.lifetimes = lifetimes;
    this.#outputs = outputs;
    this.lastPacketAt = parameters.createdAt;
    // An initiator has the peer's answer when it installs.
    this.isConfirmed = parameters.role === "initiator";
    this.mayBeNamed = this.isConfirmed;
    this.usage = { id: parameters.id, packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0 };
  }

  get id(): ChildSaId {
    return this.parameters.id;
  }

  get cpu(): CpuIndex {
    return this.parameters.cpu;
  }

  get state(): ChildSaState {
    return this.#state;
  }

  /** Whether it may still be used, rekeyed and counted on. */
  get isAlive(): boolean {
    return this.#state.kind === "INSTALLED" || this.#state.kind === "REKEYING";
  }

  get name(): string {
    return `${this.parameters.config.name} ${this.parameters.spiIn.toString(16).padStart(8, "0")}`;
  }

  transition(next: ChildSaState): void {
    if (!NEXT[this.#state.kind].includes(next.kind)) throw new BrokenInvariant(`Child SA ${this.name}: ${this.#state.kind} → ${next.kind}`);
    this.#state = next;
  }

  /**
   * The inbound half: the peer may send as soon as it has our answer (RFC 7296 §1.2), and all that it may send on must be there (RFC 9611 §4). The
   * key octets of what is installed belong to the data plane, which wipes them.
   */
  install(keymat: ChildSaKeymat, path: EspPath): void {
    const { config, spiIn: spi, localTs, remoteTs } = this.parameters;
    const { replayWindow } = config;
    this.#path = path;
    this.#sparedKeymat = keymat.outbound;
    this.#hasInbound = true;
    const sa = { ...this.#common(path), spi, keymat: keymat.inbound, replayWindow, localTs, remoteTs };
    this.#outputs.sadb({ verb: "addInbound", sa });
  }

  /**
   * The outbound half, before the first entry that points at it. One that none points at is not installed: the end with fewer CPUs has such. Its
   * key is kept, as it may be needed when another SA goes (RFC 9611 §4, §6).
   */
  provideOutbound(): void {
    const [keymat, path] = [this.#sparedKeymat, this.#path];
    if (keymat === undefined || path === undefined) return;
    const { config, spiOut: spi, shared } = this.parameters;
    this.#sparedKeymat = undefined;
    this.#hasOutbound = true;
    this.#outputs.sadb({ verb: "addOutbound", sa: { ...this.#common(path), spi, keymat, shared, copyDscp: config.copyDscp } });
  }

  /** After no entry points at it any more, and none will. */
  removeOutbound(): void {
    this.#sparedKeymat?.fill(0);
    this.#sparedKeymat = undefined;
    if (!this.#hasOutbound) return;
    this.#hasOutbound = false;
    this.#outputs.sadb({ verb: "removeOutbound", id: this.id, cpu: this.cpu });
  }

  removeInbound(): void {
    if (!this.#hasInbound) return;
    this.#hasInbound = false;
    this.#outputs.sadb({ verb: "removeInbound", id: this.id, spi: this.parameters.spiIn, cpu: this.cpu });
  }

  moveTo(path: EspPath): void {
    if (this.#path !== undefined && sameEspPath(path, this.#path)) return;
    this.#path = path;
    if (this.#hasInbound || this.#hasOutbound) this.#outputs.sadb({ verb: "updateAddresses", id: this.id, cpu: this.cpu, ...path });
  }

  /** Takes a reading of the data plane's counters. */
  recordUsage(usage: SaUsage, now: number): { readonly received: boolean } {
    const received = usage.packetsIn > this.usage.packetsIn;
    if (received || usage.packetsOut > this.usage.packetsOut) this.lastPacketAt = now;
    this.usage = usage;
    return { received };
  }

  cancelTimers(): void {
    for (const timer of this.timers.splice(0)) timer.cancel();
  }

  /** What both halves have alike. */
  #common(path: EspPath): Omit<OutboundSaSpec, "spi" | "keymat" | "shared" | "copyDscp"> {
    const { id, config, policyId, cpu, cipher, esn, mode } = this.parameters;
    return { id, policyId, cpu, cipher, esn, mode, limits: this.lifetimes.limits, ...path, copyEcn: config.copyEcn };
  }
}
