/** Two ends with CPU counts that differ, a little and beyond all proportion: how many SAs there are, who installs which, and what becomes of them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChildConfig } from "../../src/ike/config.ts";
import { assertAgreement, eventsOf } from "./harness/assertions.ts";
import { establishedWorld, type Host, type World, type WorldOptions } from "./harness/world.ts";

function worldOf(left: number, right: number, child: Partial<ChildConfig> = {}, options: WorldOptions = {}): World {
  const overrides = { child: { perCpuSas: true, ...child } };
  return establishedWorld({ cpus: [left, right], left: overrides, right: overrides, ...options });
}

function sendFromAll(world: World, host: Host): void {
  const count = world.status(host).groups[0]?.cpus.length ?? 0;
  assert.ok(count > 0, "the group has no CPUs");
  for (let cpu = 0; cpu < count; cpu++) assert.equal(world.pass(host, cpu), undefined, `CPU ${cpu} of the ${host.side}`);
}

/** Until every CPU of both ends has sent, and what that asked for is there. */
function bringUp(world: World, order: readonly Host[] = world.hosts): void {
  for (let round = 0; round < 3; round++) {
    for (const host of order) {
      sendFromAll(world, host);
      world.settle();
    }
    world.pollUsage();
  }
  assertAgreement(world);
}

/** SAs on each CPU, most first. */
const loads = (world: World, host: Host): number[] => {
  const counts = new Map<number, number>();
  for (const { cpu, shared } of world.status(host).childSas) if (!shared) counts.set(cpu, (counts.get(cpu) ?? 0) + 1);
  return [...counts.values()].sort((a, b) => b - a);
};

const countOfOwn = (world: World, host: Host): number =>
  world.status(host).groups[0]?.cpus.filter(({ entry }) => entry === "own").length ?? 0;

const times = (count: number, value: number): number[] => new Array<number>(count).fill(value);

describe("1 × 1", () => {
  for (const scheme of ["rfc9611", "cpu-queues", "stub"] as const) {
    test(`${scheme}: the first SA is enough`, () => {
      const world = worldOf(1, 1, { scheme });
      bringUp(world);
      assert.equal(world.status(world.left).childSas.length, 1);
      assert.equal(world.wire.length, 0);
    });
  }
});

describe("6 × 8", () => {
  for (const first of ["left", "right"] as const) {
    test(`eight pairs; the smaller side has all eight inbound and six outbound, the ${first} asking first`, () => {
      const world = worldOf(6, 8);
      bringUp(world, first === "left" ? [world.left, world.right] : [world.right, world.left]);
      assert.deepEqual(loads(world, world.left), [2, 2, 1, 1, 1, 1]);
      assert.deepEqual(loads(world, world.right), times(8, 1));
      assert.equal(world.left.dataPlane.inbound.size, 8, "all inbound (RFC 9611 §4)");
      assert.equal(world.left.dataPlane.outbound.size, 6, "no superfluous outbound");
      assert.equal(world.right.dataPlane.outbound.size, 8);
    });
  }

  test("a spared outbound SA is installed when the one in its place goes", () => {
    const world = worldOf(6, 8);
    bringUp(world);
    const { dataPlane } = world.left;
    const spared = world.status(world.left).childSas.find(({ id }) => !dataPlane.outbound.has(id));
    assert.ok(spared !== undefined);
    const inUse = world.status(world.left).childSas.findIndex(({ id, cpu }) => cpu === spared.cpu && id !== spared.id);
    world.closeChild(world.left, inUse);
    world.settle();
    assert.ok(dataPlane.outbound.has(spared.id));
    assertAgreement(world);
    sendFromAll(world, world.left);
  });

  test("the same by the other schemes: eight besides the Fallback SA, and eight stubless ones", () => {
    for (const scheme of ["cpu-queues", "stub"] as const) {
      const world = worldOf(6, 8, { scheme });
      bringUp(world);
      assert.deepEqual(loads(world, world.left), [2, 2, 1, 1, 1, 1], scheme);
      assert.deepEqual(loads(world, world.right), times(8, 1), scheme);
    }
  });
});

describe("64 × 64", () => {
  for (const scheme of ["rfc9611", "cpu-queues", "stub"] as const) {
    test(`${scheme}: one for each CPU`, () => {
      const world = worldOf(64, 64, { scheme });
      bringUp(world, [world.left]);
      const { childSas } = world.status(world.left);
      assert.equal(childSas.filter(({ shared }) => !shared).length, 64);
      assert.equal(childSas.filter(({ shared }) => shared).length, scheme === "cpu-queues" ? 1 : 0);
      for (const host of world.hosts) assert.deepEqual(loads(world, host), times(64, 1));
    });
  }

  test("both ends ask for all at once: no more than the limit of twice the CPUs, and every CPU has its own", () => {
    const world = worldOf(64, 64);
    for (const host of world.hosts) sendFromAll(world, host);
    world.settle();
    world.pollUsage();
    world.run(60_000);
    bringUp(world);
    const count = world.status(world.left).childSas.length;
    assert.ok(count >= 64 && count <= 128, `${count} SAs`);
    for (const host of world.hosts) assert.equal(countOfOwn(world, host), 64, `of the ${host.side}`);
  });
});

describe("1000 × 2", () => {
  test("cpu-queues: the small side answers one SA for everything, and both ends say why", () => {
    const world = worldOf(1000, 2, { scheme: "cpu-queues" });
    for (const host of world.hosts) sendFromAll(world, host);
    assert.equal(world.wire.length, 0, "nobody asks for more");
    assertAgreement(world);
    for (const host of world.hosts) {
      const {
        groups: [group],
        childSas,
      } = world.status(host);
      assert.equal(childSas.length, 1);
      assert.equal(group?.mode, "single");
      assert.match(group.reason ?? "", host.side === "left" ? /did not answer CPU_QUEUES.*1000 SAs/ : /1000.*2.*max_cpu_ratio 16/);
    }
  });

  test("cpu-queues with max_cpu_ratio 0: the larger count is agreed", () => {
    const world = worldOf(1000, 2, { scheme: "cpu-queues", maxCpuRatio: 0 });
    bringUp(world, [world.left]);
    assert.equal(world.status(world.left).childSas.filter(({ shared }) => !shared).length, 1000);
    assert.deepEqual(loads(world, world.right), [500, 500]);
  });

  for (const scheme of ["rfc9611", "stub"] as const) {
    test(`${scheme}: up to the small side's limit; TS_${scheme === "stub" ? "UNACCEPTABLE" : "MAX_QUEUE"} then, and stubs for the rest`, () => {
      const world = worldOf(1000, 2, { scheme });
      for (let round = 0; round < 3; round++) {
        sendFromAll(world, world.left);
        world.settle();
      }
      assertAgreement(world);
      assert.equal(world.status(world.left).childSas.length, 4, "twice the CPUs of the small side");
      const refusals = eventsOf(world.left, "peerRefused").map(({ notify }) => notify);
      assert.deepEqual([...new Set(refusals)], [scheme === "stub" ? "TS_UNACCEPTABLE" : "TS_MAX_QUEUE"]);
      const cpus = world.status(world.left).groups[0]?.cpus ?? [];
      const stubs = cpus.filter(({ entry }) => entry.startsWith("stub"));
      assert.deepEqual([countOfOwn(world, world.left), stubs.length], [4, 996]);
      for (const { asksAgainIn } of stubs) assert.ok(asksAgainIn !== undefined && asksAgainIn > 0 && asksAgainIn <= 60_000);
      assert.equal(world.wire.length, 0, "those that were refused are silent");
    });
  }
});

describe("the limit, from either end", () => {
  for (const side of ["left", "right"] as const) {
    test(`max_sas of the ${side} is what the other is told by TS_MAX_QUEUE`, () => {
      const [small, large] = [{ child: { perCpuSas: true, maxSas: 3 } }, { child: { perCpuSas: true } }];
      const world = establishedWorld({ cpus: 8, left: side === "left" ? small : large, right: side === "left" ? large : small });
      const asking = world.peerOf(world.host(side));
      for (let round = 0; round < 2; round++) {
        sendFromAll(world, asking);
        world.settle();
        world.pollUsage();
      }
      assertAgreement(world);
      assert.equal(world.status(asking).childSas.length, 3);
      assert.ok(eventsOf(asking, "peerRefused").every(({ notify }) => notify === "TS_MAX_QUEUE"));
      assert.ok(eventsOf(asking, "groupMode").some(({ about, text }) => about === "refused" && text.includes("TS_MAX_QUEUE")));
      assert.equal(world.status(asking).ikeSas.length, 1, "the IKE SA lives on");
    });
  }
});
