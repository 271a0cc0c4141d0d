/**
 * What a group may ask for, kept apart from the group: a CPU asks only for a packet, once, and not after a no before its time or before a member
 * has gone. Throws AssertionError.
 */
import assert from "node:assert/strict";
import type { ChildSaId, CpuIndex } from "../../../src/ipsec/names.ts";
import type { GroupTiming } from "../../../src/multisa/config.ts";
import type { RefusalReason } from "../../../src/multisa/events.ts";

const isMomentary = (why: RefusalReason): boolean => why === "TEMPORARY_FAILURE" || why === "timeout" || why === "abandoned";

export class AskingRules {
  readonly #name: string;
  readonly #timing: GroupTiming;
  readonly #acquired = new Set<CpuIndex>();
  readonly #pending = new Set<CpuIndex>();
  readonly #notBefore = new Map<CpuIndex, number>();
  /** For each SA the first one that it descends from by rekeys. */
  readonly #lines = new Map<ChildSaId, ChildSaId>();
  #noFirstBefore = -Infinity;
  #noFurtherBefore = -Infinity;
  /** How many requests there were. */
  requests = 0;

  constructor(name: string, timing: GroupTiming) {
    this.#name = name;
    this.#timing = timing;
  }

  acquired(cpu: CpuIndex): void {
    this.#acquired.add(cpu);
  }

  creating(cpu: CpuIndex, now: number, isEmpty: boolean): void {
    const what = `${this.#name}: a Child SA for CPU ${cpu} is asked for`;
    assert.ok(this.#acquired.delete(cpu), `${what} without a packet`);
    assert.ok(!this.#pending.has(cpu), `${what} twice`);
    assert.ok(now >= this.#noFirstBefore, `${what} too soon after that was refused`);
    assert.ok(isEmpty || now >= this.#noFurtherBefore, `${what} in the hold time of a refusal`);
    assert.ok(now >= (this.#notBefore.get(cpu) ?? -Infinity), `${what} too soon after a temporary failure`);
    this.#pending.add(cpu);
    this.requests++;
    assert.ok(this.#pending.size <= (isEmpty ? 1 : this.#timing.maxPendingCreates), `${what}, the ${this.#pending.size}th at once`);
  }

  /** `isEmpty`: it was to be the first one, so that there is nothing to send on, and no CPU may wait for long. */
  refused(cpu: CpuIndex, why: RefusalReason, now: number, isEmpty: boolean): void {
    this.#pending.delete(cpu);
    if (isEmpty) this.#noFirstBefore = Math.max(this.#noFirstBefore, now + this.#timing.firstBackOff);
    if (isMomentary(why)) this.#notBefore.set(cpu, now + this.#timing.firstBackOff);
    else this.#noFurtherBefore = now + this.#timing.refusalHoldTime;
  }

  refusedByIkeSa(now: number): void {
    this.#noFirstBefore = now + this.#timing.refusalHoldTime;
    this.#noFurtherBefore = this.#noFirstBefore;
  }

  memberCame(sa: ChildSaId, cpu: CpuIndex, isAskedFor: boolean, rekeyOf: ChildSaId | undefined): void {
    this.#lines.set(sa, (rekeyOf === undefined ? undefined : this.#lines.get(rekeyOf)) ?? sa);
    this.#notBefore.delete(cpu);
    if (isAskedFor) this.#pending.delete(cpu);
  }

  memberGone(sa: ChildSaId): void {
    const line = this.#lines.get(sa);
    this.#lines.delete(sa);
    if (![...this.#lines.values()].includes(line ?? sa)) this.#liftRefusal();
  }

  reset(): void {
    this.#acquired.clear();
    this.#pending.clear();
    this.#notBefore.clear();
    this.#lines.clear();
    this.#liftRefusal();
  }

  #liftRefusal(): void {
    this.#noFirstBefore = -Infinity;
    this.#noFurtherBefore = -Infinity;
  }
}
