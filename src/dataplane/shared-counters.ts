import type { ChildSaId, CpuIndex } from "../ipsec/names.ts";

/** Each on a cache line of its own: workers add to different ones at the same time. */
const LINE = 64;
export const MAX_SHARED_SAS = 4096;

interface Lent {
  readonly counter: number;
  /** Workers that have the SA, or will have: their messages may be under way still. */
  readonly holders: Set<CpuIndex>;
}

/**
 * The sequence counters of shared SAs, which all workers add to. One is given out again, at zero, only when every worker has said that the SA
 * which had it is gone: a worker that is slow to take the SA in must not find it counting anew.
 */
export class SharedCounters {
  /** Int32, one in each line. */
  readonly buffer = new SharedArrayBuffer(MAX_SHARED_SAS * LINE);
  readonly #counters = new Int32Array(this.buffer);
  readonly #workers: readonly CpuIndex[];
  readonly #lent = new Map<ChildSaId, Lent>();
  readonly #free: number[] = [];
  #next = 0;

  constructor(workers: readonly CpuIndex[]) {
    this.#workers = workers;
  }

  /** The SA's own, before it is sent to the workers; undefined when all are in use. */
  take(id: ChildSaId): number | undefined {
    const known = this.#lent.get(id);
    if (known !== undefined) return known.counter;
    const counter = this.#free.shift() ?? (this.#next < MAX_SHARED_SAS ? this.#next++ : undefined);
    if (counter === undefined) return undefined;
    Atomics.store(this.#counters, counter * (LINE / 4), 0);
    this.#lent.set(id, { counter, holders: new Set(this.#workers) });
    return counter;
  }

  /** The worker has not got the SA any more. */
  removed(id: ChildSaId, worker: CpuIndex): void {
    const lent = this.#lent.get(id);
    if (lent === undefined) return;
    lent.holders.delete(worker);
    if (lent.holders.size > 0) return;
    this.#lent.delete(id);
    this.#free.push(lent.counter);
  }
}
