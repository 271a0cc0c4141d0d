/**
 * Both ends do something to the same SA at the same time, again and again, over good and bad networks (RFC 7296 §2.8, §2.25): rekeys of Child SAs
 * and of the IKE SA against each other and against Deletes. The ladders of rekey-child.test.ts and rekey-ike.test.ts take each collision apart;
 * here chance runs through their orders. In the end both ends agree. HAWSER_SEED=n runs one seed alone, told step by step.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { both, PATIENT, runScenario } from "./harness/scenario.ts";

const SEEDS = 500;

test(`${SEEDS} seeds of collisions: Child SA, IKE SA, rekey, Delete`, () => {
  const { runs, clashes } = runScenario({
    name: "collisions",
    seeds: SEEDS,
    // An IKE SA that the peer does not know any more is given up only after all retransmissions of its Delete.
    recovery: 900_000,
    cpus: 2,
    ...both({ endpoint: PATIENT, connection: { dpdDelay: 10_000 }, child: { startAction: "trap", perCpuSas: true } }),
    deeds: { packet: 3, rekeyChild: 6, rekeyIke: 4, closeChild: 2, closeIke: 0.5, initiate: 0.5 },
    count: 12,
    pace: 400,
    together: 0.8,
  });
  // One seed alone is run to look at it.
  if (runs === SEEDS) assert.ok(clashes >= 2 * SEEDS, `only ${clashes} collisions came about`);
});
