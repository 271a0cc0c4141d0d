/**
 * Random sequences of whatever can happen, at both ends, over a network that loses, repeats and reorders: the invariants hold after each step, and
 * both ends agree when all has come to rest. GROUP_SEED and GROUP_RUNS explore further; a failure names its seed and the shortest sequence.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DEFAULT_GROUP_TIMING, type GroupConfig } from "../../src/multisa/config.ts";
import type { SchemeName } from "../../src/multisa/scheme.ts";
import { cpu, cpus } from "./harness/build.ts";
import { MAX_CPUS, newModel, pairCommands } from "./simulation/commands.ts";
import { BAD } from "./simulation/network.ts";
import { Pair, type PairOptions } from "./simulation/pair.ts";

const SEED = Number(process.env["GROUP_SEED"] ?? 9611);
const RUNS = Number(process.env["GROUP_RUNS"] ?? 120);

interface Setting {
  readonly left: number;
  readonly right: number;
  /** The first Child SA stands when the sequence begins. */
  readonly startsUp: boolean;
  readonly options: PairOptions;
}

const end = (scheme: SchemeName): fc.Arbitrary<Partial<GroupConfig> & { readonly cpus: GroupConfig["cpus"] }> =>
  fc.record({
    scheme: fc.constant(scheme),
    cpus: fc.constantFrom(1, 2, 3, 3, MAX_CPUS, MAX_CPUS).map(cpus),
    onMissingSa: fc.constantFrom("resteer", "resteer", "shared", "hold", "drop"),
    maxSas: fc.constantFrom(undefined, undefined, 2, 3, 5),
    perCpuSas: fc.constantFrom(true, true, true, true, false),
    maxCpuRatio: fc.constantFrom(0, 2, 16),
    timing: fc.constantFrom(1, 2, 64).map((maxPendingCreates) => ({ ...DEFAULT_GROUP_TIMING, maxPendingCreates })),
  });

const settingOf = (scheme: SchemeName): fc.Arbitrary<Setting> =>
  fc.tuple(end(scheme), end(scheme), fc.nat(0xffffffff), fc.constantFrom(true, true, true, false)).map(([left, right, seed, startsUp]) => ({
    startsUp,
    left: left.cpus.length,
    right: right.cpus.length,
    options: { left, right, seed, conditions: BAD },
  }));

/** However it came to this: once nothing stands in the way any more, each CPU that is in use gets its packets out, and the asking comes to an end. */
function checkAllCanSend(pair: Pair): void {
  for (const end of pair.ends) end.temporaryFailures = 0;
  pair.advance(200_000);
  const [anyCpu = cpu(0)] = pair.left.used;
  if (pair.left.group.isEmpty) pair.left.initiate(anyCpu);
  pair.settle();
  pair.sendEverywhere();
  for (const end of pair.ends) {
    for (const { cpu: at, why } of end.group.view().cpus) {
      const fate = pair.send(end.side, at);
      assert.ok(typeof fate === "object" && fate.hops <= 1, `${end.side}: CPU ${at}: ${JSON.stringify(fate)} (${why})`);
    }
  }
}

for (const scheme of ["rfc9611", "cpu-queues", "stub"] as const) {
  test(`${scheme}: whatever happens, the invariants hold and the ends agree`, () => {
    let steps = 0;
    let crowded = 0;
    fc.assert(
      fc.property(
        settingOf(scheme),
        fc.commands(pairCommands, { maxCommands: 120, size: "max" }),
        ({ left, right, startsUp, options }, commands) => {
          const pair = new Pair({ ...options, allCpus: cpus(MAX_CPUS) });
          if (startsUp) {
            pair.left.initiate(cpu(0));
            pair.settle();
          }
          fc.modelRun(() => ({ model: newModel(left, right), real: pair }), commands);
          steps += [...commands].length;
          if (pair.mostMembers > 2) crowded++;
          pair.settle();
          checkAllCanSend(pair);
        },
      ),
      { seed: SEED, numRuns: RUNS },
    );
    assert.ok(steps >= 30 * RUNS, `only ${steps} commands in ${RUNS} runs`);
    // Otherwise nothing of interest was ever there to be checked.
    assert.ok(crowded >= RUNS / 5, `more than two SAs in ${crowded} of ${RUNS} runs only`);
  });
}
