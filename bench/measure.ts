/** Timing by interleaved repetition: every figure of a comparison is taken in the same run, turn by turn, so that a machine that slows down slows all. */

export interface Sample {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError where nothing, or not a number, was measured */
export function summarize(values: readonly number[]): Sample {
  if (values.length === 0 || !values.every(Number.isFinite)) throw new RangeError("a figure needs measurements, and all of them numbers");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
  return { median: median ?? NaN, min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
}

/** Median of `a` over median of `b`, each pair taken in the same turn. @throws RangeError where a part was not measured */
export function ratio(a: readonly number[], b: readonly number[]): Sample {
  if (a.length === 0 || a.length !== b.length) throw new RangeError("a ratio needs both of its parts, measured in the same turns");
  return summarize(a.map((value, i) => value / (b[i] ?? NaN)));
}

/** One thing to time: does its work once and says how many units (packets, look-ups) that was. */
export type Work = () => number;

/**
 * Times each work for `turns` turns of about `milliseconds` each, in turn, after a warm-up.
 * @returns nanoseconds per unit, by name, one per turn
 */
export function interleave<Name extends string>(
  works: Readonly<Record<Name, Work>>,
  turns: number,
  milliseconds: number,
): Record<Name, number[]> {
  const names = Object.keys(works) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (const name of names) run(works[name], milliseconds);
  for (let turn = 0; turn < turns; turn++) for (const name of names) results[name].push(run(works[name], milliseconds));
  return results;
}

const WORKS_IN_A_BLOCK = 16;

/** @returns nanoseconds per unit */
export function run(work: Work, milliseconds: number): number {
  const times = new BlockTimes();
  const end = process.hrtime.bigint() + BigInt(Math.round(milliseconds * 1e6));
  let now: bigint;
  do {
    const start = process.hrtime.bigint();
    let units = 0;
    for (let i = 0; i < WORKS_IN_A_BLOCK; i++) units += work();
    now = process.hrtime.bigint();
    times.add(now - start, units);
  } while (now < end);
  return times.median;
}

/**
 * The times of many short blocks of work. Their median is what the work costs: a block in which the scheduler took the CPU away is one among
 * thousands and counts for nothing, where in a mean it would count for all that others did meanwhile.
 */
export class BlockTimes {
  readonly #perUnit: number[] = [];

  add(nanoseconds: bigint, units: number): void {
    this.#perUnit.push(Number(nanoseconds) / units);
  }

  /** Nanoseconds per unit. */
  get median(): number {
    return summarize(this.#perUnit).median;
  }
}
