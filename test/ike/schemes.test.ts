/**
 * The 4 × 4 table of ends: each of the three schemes, and an end that knows of none, against each, begun by either. Whatever the pair, every CPU of
 * both ends gets its packets through, and where an end falls back to one SA for all CPUs, status and log say why.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SchemeName } from "../../src/multisa/scheme.ts";
import { assertAgreement, eventsOf } from "./harness/assertions.ts";
import type { Overrides } from "./harness/configs.ts";
import { World, type Host } from "./harness/world.ts";

const CPUS = 4;

type Kind = SchemeName | "unaware";
const KINDS: readonly Kind[] = ["rfc9611", "cpu-queues", "stub", "unaware"];

const overridesOf = (kind: Kind): Overrides => ({ child: kind === "unaware" ? { perCpuSas: false } : { perCpuSas: true, scheme: kind } });

/** Why an end has one SA for all its CPUs, seen from that end; undefined: it has one for each. */
function expectedReason(own: Kind, peer: Kind, role: "initiator" | "responder"): RegExp | undefined {
  if (own === "unaware") return /^per_cpu_sas is off$/;
  if (own === "stub" || own === peer) return undefined;
  // A responder sees what the initiator offered. An initiator sees only that there is no answer to its own offer.
  const isSeen = role === "responder" && (peer === "rfc9611" || peer === "cpu-queues");
  if (isSeen) return new RegExp(`^the peer speaks the scheme ${peer}, and this end ${own}$`);
  const notify = own === "rfc9611" ? "SA_RESOURCE_INFO" : "CPU_QUEUES";
  return role === "responder" ? new RegExp(`^the peer did not send ${notify}$`) : new RegExp(`^the peer did not answer ${notify}`);
}

/** Packets from every CPU of both ends, and time for all that they bring about. */
function exchangePackets(world: World): void {
  for (let round = 0; round < 4; round++) {
    for (const host of world.hosts) {
      for (let cpu = 0; cpu < CPUS; cpu++) assert.equal(world.pass(host, cpu), undefined, `CPU ${cpu} of the ${host.side}, round ${round}`);
    }
    world.settle();
    world.pollUsage();
    world.run(1000);
  }
}

function assertMode(world: World, host: Host, reason: RegExp | undefined): void {
  const [group, ...others] = world.status(host).groups;
  assert.ok(group !== undefined && others.length === 0, "one group for the selectors");
  const reports = eventsOf(host, "groupMode").filter(({ about }) => about === "mode");
  if (reason === undefined) {
    assert.deepEqual([group.mode, group.reason], ["per-cpu", undefined]);
    assert.equal(group.cpus.filter(({ entry }) => entry === "own").length, CPUS, `own SAs of the ${host.side}`);
  } else {
    assert.equal(group.mode, "single");
    assert.match(group.reason ?? "", reason);
    assert.ok(
      reports.some(({ mode, text }) => mode === "single" && text.endsWith(group.reason ?? "?")),
      "the log names the reason",
    );
  }
  assert.equal(reports.at(-1)?.mode, group.mode, "the last word in the log is the mode");
}

describe("the notifies of the scheme cpu-queues", () => {
  const withNumbers = (cpuQueues: number, cpuQueueInfo: number): Overrides => ({
    ...overridesOf("cpu-queues"),
    endpoint: { draftNotifies: { cpuQueues, cpuQueueInfo } },
  });

  test("have the numbers that are configured", () => {
    const world = new World({ cpus: CPUS, left: withNumbers(41_000, 41_001), right: withNumbers(41_000, 41_001) });
    world.initiate();
    world.settle();
    exchangePackets(world);
    assertAgreement(world);
    assertMode(world, world.left, undefined);
    assertMode(world, world.right, undefined);
  });

  test("are not understood by a peer that has other numbers: one SA for all, and both ends say so", () => {
    const world = new World({ cpus: CPUS, left: withNumbers(41_000, 41_001), right: overridesOf("cpu-queues") });
    world.initiate();
    world.settle();
    exchangePackets(world);
    assertAgreement(world);
    assertMode(world, world.left, /^the peer did not answer CPU_QUEUES/);
    assertMode(world, world.right, /^the peer did not send CPU_QUEUES$/);
  });
});

for (const left of KINDS) {
  describe(`left ${left}`, () => {
    for (const right of KINDS) {
      for (const side of ["left", "right"] as const) {
        test(`right ${right}, begun by the ${side}`, () => {
          const world = new World({ cpus: CPUS, left: overridesOf(left), right: overridesOf(right) });
          world.initiate(world.host(side));
          world.settle();
          exchangePackets(world);
          assertAgreement(world);
          const roleOf = (host: Host): "initiator" | "responder" => (host.side === side ? "initiator" : "responder");
          assertMode(world, world.left, expectedReason(left, right, roleOf(world.left)));
          assertMode(world, world.right, expectedReason(right, left, roleOf(world.right)));
        });
      }
    }
  });
}
