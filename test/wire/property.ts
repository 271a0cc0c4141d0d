/** Property tests with a fixed seed, so that a run can be repeated; fast-check's failure report names the seed and the smallest counter-example. */
import fc from "fast-check";

/** Set WIRE_SEED to explore other inputs. */
const SEED = Number(process.env["WIRE_SEED"] ?? 9611);

/** Checks `predicate` (which asserts) against 200 drawn values. */
export function forAll<Value>(arbitrary: fc.Arbitrary<Value>, predicate: (value: Value) => void): void {
  fc.assert(fc.property(arbitrary, predicate), { seed: SEED, numRuns: 200 });
}
