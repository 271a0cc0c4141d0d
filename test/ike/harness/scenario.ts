/** One kind of trouble over many seeds and several networks, and what must hold in the end of each. */
import assert from "node:assert/strict";
import { cpuIndex } from "../../../src/ipsec/names.ts";
import { assertAgreement } from "./assertions.ts";
import type { Overrides } from "./configs.ts";
import { forEachSeed } from "./seeds.ts";
import { Simulation, type NetworkOptions, type SimulationOptions } from "./simulation.ts";
import { flowFrom, type World } from "./world.ts";

export interface Scenario extends Omit<SimulationOptions, "seed" | "network"> {
  readonly name: string;
  readonly seeds: number;
  /** Milliseconds for a network that has got well again to find out what is still to be found out. */
  readonly recovery: number;
}

/** A peer that misses 30 % of the datagrams is slow, not dead: it is given up only after many attempts. */
export const PATIENT = { retransmit: { timeout: 300, base: 1.3, tries: 24, jitter: 0.2 } };

const NETWORKS = [
  { loss: 0, duplicate: 0, delay: [1, 1] },
  { loss: 0, duplicate: 0.3, delay: [1, 300] },
  { loss: 0.1, duplicate: 0.1, delay: [10, 100] },
  { loss: 0.3, duplicate: 0.1, delay: [1, 200] },
] as const satisfies readonly NetworkOptions[];

export const both = (overrides: Overrides): { left: Overrides; right: Overrides } => ({ left: overrides, right: overrides });

/** @returns the number of seeds that were run, and how often in them both ends did something to the same SA at the same time */
export function runScenario({ seeds, recovery, ...options }: Scenario): { readonly runs: number; readonly clashes: number } {
  let runs = 0;
  let clashes = 0;
  forEachSeed(seeds, (seed, trace) => {
    const network = NETWORKS[seed % NETWORKS.length] ?? NETWORKS[0];
    const simulation = new Simulation({ ...options, seed, network, ...(trace !== undefined && { trace }) });
    simulation.run(20_000);
    simulation.recover(recovery);
    assertWell(simulation);
    runs++;
    clashes += simulation.clashes;
  });
  return { runs, clashes };
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
