/**
 * Which CPUs may ask for an SA of their own, which do, and which have to wait because the peer said no. Only a packet asks: what is over here (a hold
 * time, a back-off) lets a CPU ask again and never asks for it.
 */
import type { CpuIndex } from "../ipsec/names.ts";
import type { GroupTiming } from "./config.ts";
import type { RefusalReason } from "./events.ts";
import type { Purpose } from "./notifies.ts";

/** "selectors": the peer takes no more of them; "moment": it could not just then. */
export function scopeOfRefusal(why: RefusalReason): "selectors" | "moment" {
  return why === "TEMPORARY_FAILURE" || why === "timeout" || why === "abandoned" ? "moment" : "selectors";
}

/** The first SA of an empty group, or a further one. */
export type AskedFor = Exclude<Purpose, "rekey">;

export class Asking {
  readonly #timing: GroupTiming;
  /** Uniform in [0, 1). */
  readonly #random01: () => number;
  /** Requests under way. */
  readonly #pending = new Map<CpuIndex, AskedFor>();
  /** Asked, in this order, with no request under way yet. */
  readonly #waiting = new Set<CpuIndex>();
  /** `until` undefined: over, but the next failure in a row makes a longer one. */
  readonly #backOffs = new Map<CpuIndex, { until: number | undefined; readonly failures: number }>();
  /** The peer takes no further one. */
  #refusal: { readonly why: RefusalReason; readonly until: number } | undefined;
  /** The peer did not take the first one: nothing is asked for before this instant. */
  #firstHold: number | undefined;
  #metRefusal = false;
  #failedFirsts = 0;

  constructor(timing: GroupTiming, random01: () => number) {
    this.#timing = timing;
    this.#random01 = random01;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** `what` undefined: whatever it is. */
  isPending(cpu: CpuIndex, what?: AskedFor): boolean {
    return this.#pending.has(cpu) && (what === undefined || this.#pending.get(cpu) === what);
  }

  isWaiting(cpu: CpuIndex): boolean {
    return this.#waiting.has(cpu);
  }

  isAsking(cpu: CpuIndex): boolean {
    return this.#pending.has(cpu) || this.#waiting.has(cpu);
  }

  /**
   * Nothing keeps it from asking as far as the peer's answers go, and it is not asking already. `isFirst`: the group has no SA, so that it is the first
   * one that would be asked for.
   */
  mayAsk(cpu: CpuIndex, isFirst: boolean): boolean {
    return !this.isAsking(cpu) && this.silentUntil(cpu, isFirst) === undefined;
  }

  /** Why the whole group must not ask. */
  get refusedWhy(): RefusalReason | undefined {
    return this.#refusal?.why;
  }

  isBackingOff(cpu: CpuIndex): boolean {
    return this.#backOffs.get(cpu)?.until !== undefined;
  }

  /** The instant before which it does not ask, whatever it sends; undefined: nothing keeps it. */
  silentUntil(cpu: CpuIndex, isFirst: boolean): number | undefined {
    return latest(isFirst ? undefined : this.#refusal?.until, this.#firstHold, this.#backOffs.get(cpu)?.until);
  }

  /** Ends the waits that are over. To be called first whenever the group is told the time. */
  expire(now: number): void {
    if (this.#refusal !== undefined && this.#refusal.until <= now) this.#refusal = undefined;
    if (this.#firstHold !== undefined && this.#firstHold <= now) this.#firstHold = undefined;
    for (const backOff of this.#backOffs.values()) if (backOff.until !== undefined && backOff.until <= now) backOff.until = undefined;
  }

  /** A request has failed since the last one that succeeded: so a CPU that holds or drops packets until its SA comes may wait in vain. */
  get metRefusal(): boolean {
    return this.#metRefusal;
  }

  ask(cpu: CpuIndex): void {
    this.#waiting.add(cpu);
  }

  /** The next CPU whose request is to be sent now; it counts as under way from here on. */
  takeTurn(room: number, what: AskedFor): CpuIndex | undefined {
    if (this.#pending.size >= this.#timing.maxPendingCreates || room <= 0) return undefined;
    const [cpu] = this.#waiting;
    if (cpu === undefined) return undefined;
    this.#waiting.delete(cpu);
    this.#pending.set(cpu, what);
    return cpu;
  }

  /** It has its SA, by our request or by the peer's. */
  served(cpu: CpuIndex, byOurRequest: boolean): void {
    this.#waiting.delete(cpu);
    this.#backOffs.delete(cpu);
    if (!byOurRequest) return;
    this.#pending.delete(cpu);
    this.#metRefusal = false;
    this.#failedFirsts = 0;
  }

  /** Another SA did not come. */
  refused(cpu: CpuIndex, why: RefusalReason, now: number): void {
    this.#pending.delete(cpu);
    this.#metRefusal = true;
    if (scopeOfRefusal(why) === "selectors") {
      this.#refuse(why, now);
      return;
    }
    const failures = (this.#backOffs.get(cpu)?.failures ?? 0) + 1;
    this.#backOffs.set(cpu, { until: now + this.#backOff(failures), failures });
  }

  /**
   * The first SA did not come, so that there is nothing to send on meanwhile. Whatever the reason, the next attempt comes after a short wait, the same
   * for all CPUs; the reason itself stands for further ones, should the peer make a first one.
   */
  refusedFirst(cpu: CpuIndex, why: RefusalReason, now: number): void {
    this.refused(cpu, why, now);
    this.#firstHold = latest(this.#firstHold, now + this.#backOff(++this.#failedFirsts));
  }

  /** The IKE SA takes no more Child SAs, of whatever selectors, further ones or first. */
  refusedByIkeSa(now: number): void {
    this.#refuse("NO_ADDITIONAL_SAS", now);
    this.#firstHold = now + this.#timing.refusalHoldTime;
  }

  /** TS_MAX_QUEUE is about the selectors (RFC 9611 §6), so what waits for its turn need not be sent either. */
  #refuse(why: RefusalReason, now: number): void {
    this.#refusal = { why, until: now + this.#timing.refusalHoldTime };
    this.#waiting.clear();
  }

  /** A member went away: the peer may have room for another one. */
  liftRefusal(): void {
    this.#refusal = undefined;
    this.#firstHold = undefined;
  }

  /** There is no room for more here either. */
  giveUpWaiting(): void {
    this.#waiting.clear();
  }

  forget(cpu: CpuIndex): void {
    this.#waiting.delete(cpu);
    this.#backOffs.delete(cpu);
  }

  reset(): void {
    this.#pending.clear();
    this.#waiting.clear();
    this.#backOffs.clear();
    this.liftRefusal();
    this.#metRefusal = false;
    this.#failedFirsts = 0;
  }

  #backOff(failures: number): number {
    const { firstBackOff, lastBackOff } = this.#timing;
    // At random, or two ends that failed each other would do so again.
    return Math.min(firstBackOff * 2 ** (failures - 1), lastBackOff) * (1 + this.#random01() / 2);
  }

  /** The next instant at which {@link expire} ends a wait. */
  nextTimeout(): number | undefined {
    const instants = [this.#refusal?.until, this.#firstHold, ...[...this.#backOffs.values()].map(({ until }) => until)].filter(isDefined);
    return instants.length === 0 ? undefined : Math.min(...instants);
  }
}

const isDefined = (instant: number | undefined): instant is number => instant !== undefined;

function latest(...instants: readonly (number | undefined)[]): number | undefined {
  const defined = instants.filter(isDefined);
  return defined.length === 0 ? undefined : Math.max(...defined);
}
