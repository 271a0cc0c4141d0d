/**
 * A configured connection at run time: which of its children are wanted, the attempt to bring up an IKE SA for them, and its traps. At most
 * one attempt is under way; IKE SAs that the peer brings up are used as well as our own.
 */
import { isDynamic } from "../ipsec/dynamic-selectors.ts";
import type { CpuIndex, PolicyId } from "../ipsec/names.ts";
import type { FlowKey } from "../ipsec/sadb.ts";
import { parseAddress } from "../wire/address.ts";
import { NotifyType } from "../wire/iana/index.ts";
import type { ChildPlan } from "./child-offer.ts";
import { hasRoomForGroup } from "./child-room.ts";
import { selectorsInForce, selectorsToOffer } from "./child-selectors.ts";
import type { ChildConfig, ConnectionConfig } from "./config.ts";
import { LocalMisconfiguration } from "./errors.ts";
import { CreateChild } from "./exchanges/create-child.ts";
import { GroupBinding } from "./group-binding.ts";
import type { IkeSa } from "./ike-sa.ts";
import type { ConnectionStatus } from "./status.ts";
import type { Services } from "./services.ts";
import { selectorsOfFlow, Trap } from "./trap.ts";

/** Why a child is wanted. A packet's flow and CPU come with a trap's acquire. */
export interface ChildDemand {
  readonly child: ChildConfig;
  readonly cpu: CpuIndex;
  readonly flow: FlowKey | undefined;
}

export interface ConnectionPorts {
  readonly services: Services;
  /** Established IKE SAs of this connection, the newest last. */
  readonly established: (connection: Connection) => readonly IkeSa[];
  /**
   * Starts IKE_SA_INIT and, after it, IKE_AUTH for the demand that {@link Connection.takeDemand} gives then. Throws LocalMisconfiguration if
   * there is no address to send from or to.
   */
  readonly begin: (connection: Connection, now: number) => IkeSa;
}

/** "refused": by the peer, authenticated, or by ourselves. "unproven": by IKE_SA_INIT's answer, which anybody may have sent. */
export type AttemptFailure = "refused" | "unproven" | "unreachable";

/** How long a trap stays quiet after what it asked for has failed, in milliseconds. */
const TRAP_HOLD = 5000;

/** About how long to wait after INTERNAL_ADDRESS_FAILURE, in milliseconds: several minutes, as only others who go leave an address (§3.15.4). */
const ADDRESS_WAIT = 180_000;

/** How long a child waits after the data plane had no room for it, in milliseconds: room comes when others go. */
const ROOM_WAIT = 30_000;

/** About how long to wait before the next of the configured tries after a refusal that nobody has proved, in milliseconds. */
const UNPROVEN_WAIT = 60_000;

/** About how long to wait after TEMPORARY_FAILURE, in milliseconds. */
const TEMPORARY_FAILURE_WAIT = 1000;

export class Connection {
  readonly config: ConnectionConfig;
  readonly #ports: ConnectionPorts;
  readonly #traps: readonly Trap[];
  /** By child: wanted, and not asked of the peer yet. */
  readonly #demands = new Map<string, ChildDemand>();
  /** By child: asked of the peer, and not answered yet. */
  readonly #inFlight = new Map<string, ChildDemand>();
  /** Children that wait for room in the data plane. */
  readonly #waitingForRoom = new Set<string>();
  #attempt: { readonly ikeSa: IkeSa; readonly number: number } | undefined;
  #lastError: string | undefined;
  /** Somebody asked for it, and nobody took that back. */
  #isWanted = false;
  /** Without children, the IKE SA itself is what was asked for (RFC 6023), and it is not there yet. */
  #wantsIkeSa = false;

  /** Installs the traps. */
  constructor(config: ConnectionConfig, ports: ConnectionPorts) {
    this.config = config;
    this.#ports = ports;
    this.#traps = config.children
      .filter(({ startAction }) => startAction === "trap")
      .map((child) => new Trap(ports.services, config, child));
  }

  get hasAttempt(): boolean {
    return this.#attempt !== undefined;
  }

  isAttempt(ikeSa: IkeSa): boolean {
    return this.#attempt?.ikeSa === ikeSa;
  }

  /** Something was asked for that no IKE SA serves yet. */
  get isAskedFor(): boolean {
    return this.#demands.size > 0 || this.#wantsIkeSa;
  }

  trapOf(policyId: PolicyId): Trap | undefined {
    return this.#traps.find((trap) => trap.policyId === policyId);
  }

  /** Brings up the children that are to be up from the start. */
  start(now: number): void {
    for (const child of this.config.children) {
      if (child.startAction === "start") this.#demand({ child, cpu: this.#firstCpu, flow: undefined });
    }
    this.pursue(now);
  }

  /** On command: one child, or all; the IKE SA alone if there are none. */
  initiate(children: readonly ChildConfig[], now: number): void {
    if (children.length === 0) this.#isWanted = this.#wantsIkeSa = true;
    for (const child of children) this.#demand({ child, cpu: this.#firstCpu, flow: undefined });
    this.pursue(now);
  }

  /** A packet asks. */
  acquire(trap: Trap, cpu: CpuIndex, flow: FlowKey, now: number): void {
    trap.asked(cpu);
    if (this.#waitingForRoom.has(trap.child.name)) return;
    this.#demand({ child: trap.child, cpu, flow });
    this.pursue(now);
  }

  /** What IKE_AUTH carries along, if there is anything. */
  takeDemand(): ChildDemand | undefined {
    const demand = this.#demands.values().next().value;
    if (demand !== undefined) this.#ask(demand);
    return demand;
  }

  planFor(ikeSa: IkeSa, { child, cpu, flow }: ChildDemand): ChildPlan {
    const { localTs, remoteTs } = selectorsToOffer(child, ikeSa);
    const specific = flow === undefined || !isSelected(flow, child, ikeSa) ? undefined : selectorsOfFlow(flow);
    const group = new GroupBinding(this.#ports.services, ikeSa, this.config.name, child);
    return {
      config: child,
      group,
      purpose: { kind: "first" },
      cpu,
      shared: group.isFirstShared,
      mode: child.mode,
      localTs: specific === undefined ? localTs : [specific.local, ...localTs],
      remoteTs: specific === undefined ? remoteTs : [specific.remote, ...remoteTs],
    };
  }

  /** An IKE SA stands: by our attempt or by the peer's. Its first Child SA is yet to come: {@link pursue} after that. */
  ikeSaUp(ikeSa: IkeSa): void {
    if (this.#attempt?.ikeSa === ikeSa) this.#attempt = undefined;
    this.#lastError = undefined;
    this.#isWanted = true;
    this.#wantsIkeSa = false;
    this.#report("up", "an IKE SA is established");
  }

  childUp(name: string): void {
    this.#demands.delete(name);
    this.#inFlight.delete(name);
    this.#rearm(name);
  }

  /** The peer said no to one child; the IKE SA stands. */
  childRefused(child: ChildConfig, notifyType: number, text: string, now: number): void {
    this.#inFlight.delete(child.name);
    this.#lastError = text;
    this.#ports.services.outputs.event({
      kind: "peerRefused",
      connection: this.config.name,
      child: child.name,
      notify: NotifyType.nameOf(notifyType),
      text,
    });
    if (notifyType === NotifyType.INTERNAL_ADDRESS_FAILURE) this.#retryForAddress(child, now);
    else this.#rearmLater(child.name, now);
  }

  /** The last Child SA of a child has gone: the next packet may ask for another. */
  childGone(name: string): void {
    this.#rearm(name);
  }

  /** The data plane had no room for it: neither packets nor its start_action ask again at once. */
  childHasNoRoom(child: ChildConfig, now: number): void {
    if (this.#waitingForRoom.has(child.name)) return;
    this.#waitingForRoom.add(child.name);
    this.#ports.services.timers.schedule(now + ROOM_WAIT, "retry", (at) => {
      this.#waitingForRoom.delete(child.name);
      this.#rearm(child.name);
      if (child.startAction === "start" && this.#isWanted) this.initiate([child], at);
    });
  }

  /** Takes the next step towards what is wanted, unless it is being taken. */
  pursue(now: number): void {
    const ikeSa = this.#ports.established(this).at(-1);
    if (ikeSa !== undefined) {
      this.#wantsIkeSa = false;
      this.#createChildren(ikeSa, now);
      return;
    }
    for (const { child } of [...this.#demands.values()]) if (isForLeases(child)) this.#withoutLease(child, now);
    if (this.isAskedFor && this.#attempt === undefined) this.#begin(1, now);
  }

  /** Our attempt came to nothing. */
  attemptFailed(text: string, kind: AttemptFailure, now: number): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#attempt = undefined;
    for (const demand of this.#inFlight.values()) this.#demands.set(demand.child.name, demand);
    this.#inFlight.clear();
    const { keyingTries } = this.config;
    const isLast = kind === "refused" || (keyingTries > 0 && attempt.number >= keyingTries);
    if (isLast) this.#giveUp(text, now);
    else if (kind === "unreachable") this.#begin(attempt.number + 1, now);
    else this.#beginLater(attempt.number + 1, text, now);
  }

  /** An established IKE SA is gone. `isLost`: nobody meant it to end, as when the peer does not answer any more. */
  ikeSaGone(why: string, by: "local" | "peer", isLost: boolean, now: number): void {
    for (const { child } of this.#traps) this.#rearm(child.name);
    if (this.#ports.established(this).length > 0 || this.#attempt !== undefined) return;
    // Nobody is there to answer any more.
    this.#inFlight.clear();
    this.#lastError = by === "local" && !isLost ? undefined : why;
    this.#report("down", why);
    if (isLost) this.start(now);
  }

  /** On command: nothing is wanted of it any more. The IKE SAs are for the caller to close. */
  abandon(): void {
    this.#isWanted = false;
    this.#wantsIkeSa = false;
    this.#demands.clear();
    this.#inFlight.clear();
    this.#attempt = undefined;
  }

  removeTraps(): void {
    for (const trap of this.#traps) trap.remove();
  }

  status(): ConnectionStatus {
    const isUp = this.#ports.established(this).length > 0;
    const state = isUp ? "up" : this.#attempt !== undefined ? "connecting" : this.#isWanted ? "down" : "configured";
    return { name: this.config.name, state, lastError: this.#lastError, children: this.config.children.map(({ name }) => name) };
  }

  get #firstCpu(): CpuIndex {
    const [cpu] = this.#ports.services.cpus;
    if (cpu === undefined) throw new LocalMisconfiguration("There are no CPUs to put Child SAs on.");
    return cpu;
  }

  #demand(demand: ChildDemand): void {
    const { name } = demand.child;
    this.#isWanted = true;
    if (!this.#demands.has(name) && !this.#inFlight.has(name)) this.#demands.set(name, demand);
  }

  #ask(demand: ChildDemand): void {
    this.#demands.delete(demand.child.name);
    this.#inFlight.set(demand.child.name, demand);
  }

  #begin(number: number, now: number): void {
    try {
      this.#attempt = { ikeSa: this.#ports.begin(this, now), number };
      this.#report("connecting", number === 1 ? "IKE_SA_INIT sent" : `IKE_SA_INIT sent, attempt ${number}`);
    } catch (error) {
      if (!(error instanceof LocalMisconfiguration)) throw error;
      this.#giveUp(error.message, now);
    }
  }

  /** One forged packet must not end a connection that is configured to try again. If it was the peer, there is no haste. */
  #beginLater(number: number, text: string, now: number): void {
    this.#lastError = text;
    this.#ports.services.outputs.event({ kind: "connectionFailed", connection: this.config.name, text: `${text} It is tried again.` });
    this.#report("down", text);
    const { timers } = this.#ports.services;
    timers.schedule(now + UNPROVEN_WAIT * (0.5 + this.#ports.services.random()), "retry", (at) => {
      const isServed = this.#ports.established(this).length > 0;
      if (this.isAskedFor && this.#attempt === undefined && !isServed) this.#begin(number, at);
    });
  }

  #createChildren(ikeSa: IkeSa, now: number): void {
    for (const demand of [...this.#demands.values()]) {
      const { child } = demand;
      if (isForLeases(child) && ikeSa.configuration.leases.length === 0) {
        this.#withoutLease(child, now);
        continue;
      }
      this.#ask(demand);
      // A packet outside of what was negotiated asks for more of the same child; anything else is served by what is there.
      const asksForMore = demand.flow !== undefined && isSelected(demand.flow, child, ikeSa);
      if (!asksForMore && hasGroup(ikeSa, child.name)) {
        this.#inFlight.delete(child.name);
        continue;
      }
      if (!hasRoomForGroup(ikeSa, child)) {
        this.#withoutRoom(child, now);
        continue;
      }
      const outcome = {
        created: () => this.childUp(child.name),
        refused: (notifyType: number, text: string, at: number) => this.#createRefused(demand, notifyType, text, at),
        abandoned: (_why: string, at: number) => {
          this.#inFlight.delete(child.name);
          this.#rearmLater(child.name, at);
        },
      };
      ikeSa.exchanger.enqueue(new CreateChild(this.planFor(ikeSa, demand), outcome), now);
    }
  }

  /** §2.25: TEMPORARY_FAILURE asks for patience, anything else is an answer. */
  #createRefused(demand: ChildDemand, notifyType: number, text: string, now: number): void {
    if (notifyType !== NotifyType.TEMPORARY_FAILURE) {
      this.childRefused(demand.child, notifyType, text, now);
      return;
    }
    const { timers } = this.#ports.services;
    timers.schedule(now + TEMPORARY_FAILURE_WAIT * (0.5 + this.#ports.services.random()), "retry", (at) => {
      // Taken back in the meantime?
      if (!this.#inFlight.delete(demand.child.name)) return;
      this.#demands.set(demand.child.name, demand);
      this.pursue(at);
    });
  }

  /** Its selectors are the peer's virtual address, and the peer has none. */
  #withoutLease(child: ChildConfig, now: number): void {
    this.#demands.delete(child.name);
    this.#lastError = `The child ${child.name} is for a peer that has an address from us: it is for the peer to begin.`;
    this.#ports.services.outputs.event({ kind: "connectionFailed", connection: this.config.name, text: this.#lastError });
    this.#rearmLater(child.name, now);
  }

  /** A peer that narrows every answer to the packet that asked would have us make a Child SA for each. */
  #withoutRoom(child: ChildConfig, now: number): void {
    this.#inFlight.delete(child.name);
    const text = `The peer has narrowed the child ${child.name} to as many pairs of selectors as max_ts_pairs allows: no more is asked for.`;
    this.#lastError = text;
    this.#ports.services.outputs.event({ kind: "connectionFailed", connection: this.config.name, text });
    this.#rearmLater(child.name, now);
  }

  #retryForAddress(child: ChildConfig, now: number): void {
    const { timers } = this.#ports.services;
    timers.schedule(now + ADDRESS_WAIT * (0.5 + this.#ports.services.random()), "retry", (at) => {
      if (child.startAction !== "start") this.#rearm(child.name);
      else if (this.#isWanted) this.initiate([child], at);
    });
  }

  #giveUp(text: string, now: number): void {
    const names = [...this.#demands.keys()];
    this.#demands.clear();
    this.#wantsIkeSa = false;
    this.#lastError = text;
    this.#ports.services.outputs.event({ kind: "connectionFailed", connection: this.config.name, text });
    this.#report("down", text);
    for (const name of names) this.#rearmLater(name, now);
  }

  #rearm(name: string): void {
    if (this.#waitingForRoom.has(name)) return;
    for (const trap of this.#traps) if (trap.child.name === name) trap.rearm();
  }

  #rearmLater(name: string, now: number): void {
    if (this.#traps.some(({ child }) => child.name === name)) {
      this.#ports.services.timers.schedule(now + TRAP_HOLD, "retry", () => this.#rearm(name));
    }
  }

  #report(state: ConnectionStatus["state"], text: string): void {
    this.#ports.services.outputs.event({ kind: "connectionState", connection: this.config.name, state, text });
  }
}

/** Before a virtual address is assigned a packet has another source, with which it will never be sent: no Child SA is for that. */
function isSelected(flow: FlowKey, child: ChildConfig, ikeSa: IkeSa): boolean {
  const { family, value } = parseAddress(flow.sourceAddress);
  const { localTs } = selectorsInForce(child, ikeSa);
  return localTs.some((selector) => selector.family === family && selector.start <= value && value <= selector.end);
}

const isForLeases = ({ mode, remoteTs }: ChildConfig): boolean => mode === "tunnel" && remoteTs.every(isDynamic);

function hasGroup(ikeSa: IkeSa, childName: string): boolean {
  return [...ikeSa.groups.values()].some(({ config, isEmpty }) => config.name === childName && !isEmpty);
}
