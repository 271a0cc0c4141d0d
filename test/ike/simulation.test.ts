/**
 * Two endpoints over a bad network, with packets, rekeys, deletes and commands at random: whatever was lost, in the end both agree about every
 * SA. One test for each kind of trouble, each over many seeds; a failure names its seed, and HAWSER_SEED=n runs that one alone, told step by step.
 */
import { test } from "node:test";
import { espProposals, ikeProposals } from "./harness/configs.ts";
import { runScenario, both, PATIENT as endpoint, type Scenario } from "./harness/scenario.ts";

const connection = { dpdDelay: 10_000 };

const scenarios: readonly Scenario[] = [
  {
    name: "one Child SA: rekeys of all kinds, from both ends",
    seeds: 60,
    recovery: 150_000,
    ...both({ endpoint, connection, child: { startAction: "trap" } }),
    deeds: { packet: 4, rekeyChild: 6, rekeyIke: 2 },
    count: 40,
    pace: 150,
  },
  {
    name: "one Child SA: rekeys and deletes, brought back by packets",
    seeds: 60,
    recovery: 150_000,
    ...both({ endpoint, connection, child: { startAction: "trap" } }),
    deeds: { packet: 8, rekeyChild: 4, rekeyIke: 2, closeChild: 2, closeIke: 1, initiate: 1 },
    count: 40,
    pace: 200,
  },
  {
    name: "additional key exchanges and fragments: rekeys of all kinds, from both ends",
    seeds: 40,
    recovery: 150_000,
    ...both({
      endpoint: { ...endpoint, fragmentSize: 576 },
      connection: { ...connection, proposals: ikeProposals("aes128gcm16-prfsha256-x25519-ke1_mlkem512") },
      child: { startAction: "trap", espProposals: espProposals("aes128gcm16-x25519-ke1_mlkem512-ke2_ecp256-noesn") },
    }),
    deeds: { packet: 6, rekeyChild: 6, rekeyIke: 3, closeChild: 1 },
    count: 25,
    pace: 200,
  },
  {
    name: "per-CPU SAs: both ends ask, rekey and close",
    seeds: 60,
    recovery: 150_000,
    cpus: [3, 4],
    ...both({ endpoint, connection, child: { startAction: "trap", perCpuSas: true } }),
    deeds: { packet: 12, rekeyChild: 6, rekeyIke: 1, closeChild: 2 },
    count: 60,
    pace: 100,
  },
  {
    name: "per-CPU SAs with short lifetimes: everything is rekeyed by time, at both ends",
    seeds: 30,
    recovery: 40_000,
    cpus: 4,
    ...both({
      endpoint,
      connection: { ...connection, rekeyTime: 6000, overTime: 4000 },
      child: { startAction: "trap", perCpuSas: true, rekeyTime: 2000, lifeTime: 6000 },
    }),
    deeds: { packet: 10, closeChild: 1 },
    count: 60,
    pace: 200,
  },
];

for (const scenario of scenarios) test(scenario.name, () => void runScenario(scenario));
