/**
 * Two endpoints over a bad network, with packets, rekeys, deletes and commands at random: whatever was lost, in the end both agree about every
 * SA. One test for each kind of trouble, each over many seeds; a failure names its seed, and HAWSER_SEED=n runs that one alone, told step by step.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAgreement } from "./harness/assertions.ts";
import { espProposals, ikeProposals, type Overrides } from "./harness/configs.ts";
import { Simulation, type NetworkOptions, type SimulationOptions } from "./harness/simulation.ts";
import { flowFrom, type World } from "./harness/world.ts";
import { cpuIndex } from "../../src/ipsec/names.ts";

const only = process.env["HAWSER_SEED"] === undefined ? undefined : Number(process.env["HAWSER_SEED"]);

/** A peer that misses 30 % of the datagrams is slow, not dead: it is given up only after many attempts. */
const endpoint = { retransmit: { timeout: 300, base: 1.3, tries: 24, jitter: 0.2 } };
const connection = { dpdDelay: 10_000 };

const networks: readonly NetworkOptions[] = [
  { loss: 0, duplicate: 0, delay: [1, 1] },
  { loss: 0, duplicate: 0.3, delay: [1, 300] },
  { loss: 0.1, duplicate: 0.1, delay: [10, 100] },
  { loss: 0.3, duplicate: 0.1, delay: [1, 200] },
];

interface Scenario extends Omit<SimulationOptions, "seed" | "network"> {
  readonly name: string;
  readonly seeds: number;
  /** Milliseconds for a network that has got well again to find out what is still to be found out. */
  readonly recovery: number;
}

const both = (overrides: Overrides): { left: Overrides; right: Overrides } => ({ left: overrides, right: overrides });

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

for (const { name, seeds, recovery, ...options } of scenarios) {
  test(name, () => {
    for (let seed = 1; seed <= seeds; seed++) {
      if (only !== undefined && seed !== only) continue;
      try {
        const network = networks[seed % networks.length] ?? { loss: 0, duplicate: 0, delay: [1, 1] };
        // One seed alone tells its whole story.
        const simulation = new Simulation({
          ...options,
          seed,
          network,
          ...(only === undefined ? {} : { trace: (line) => process.stderr.write(`${line}\n`) }),
        });
        simulation.run(20_000);
        simulation.recover(recovery);
        assertWell(simulation);
      } catch (error) {
        throw new Error(`seed ${seed} (HAWSER_SEED=${seed}): ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
    }
  });
}

function assertWell(simulation: Simulation): void {
  const { world } = simulation;
  settleRekeys(simulation, world);
  assertAgreement(world);
  assertNothingLeft(world);
  assertTraffic(world);
}

/** With lifetimes of seconds there is always a rekey under way somewhere: wait for a moment without. */
function settleRekeys(simulation: Simulation, world: World): void {
  const isQuiet = (): boolean =>
    world.hosts.every((host) => {
      const { ikeSas, childSas } = world.status(host);
      return ikeSas.every(({ state }) => state === "ESTABLISHED") && childSas.every(({ state }) => state === "INSTALLED");
    });
  for (let attempt = 0; attempt < 200 && !isQuiet(); attempt++) simulation.recover(7);
}

/** The data planes hold what the endpoints know of, and the few inbound halves that wait for late packets. */
function assertNothingLeft(world: World): void {
  for (const host of world.hosts) {
    const { childSas, groups, ikeSas, counters } = world.status(host);
    // Superfluous ones are not installed outbound (RFC 9611 §4).
    assert.ok(host.dataPlane.outbound.size <= childSas.length, `outbound SAs of the ${host.side}`);
    assert.ok(host.dataPlane.inbound.size >= childSas.length);
    const traps = 1;
    assert.equal(host.dataPlane.policies.size, groups.length + traps, `policies of the ${host.side}`);
    assert.equal(counters.halfOpen, 0);
    for (const { outstanding, queued } of ikeSas) assert.ok(outstanding + queued <= 1, "no request is stuck");
  }
}

/** Where there is an SA, packets of every CPU arrive. */
function assertTraffic(world: World): void {
  for (const host of world.hosts) {
    for (const { cpus } of world.status(host).groups) {
      for (const { cpu } of cpus) {
        const result = host.dataPlane.send(cpuIndex(cpu), flowFrom(host.side));
        assert.ok(result.kind === "sealed", `CPU ${cpu} of the ${host.side} cannot send`);
        assert.equal(world.peerOf(host).dataPlane.receive(result.packet), undefined, `a packet of CPU ${cpu} of the ${host.side}`);
      }
    }
  }
}
