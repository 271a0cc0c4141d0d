/** Weeks of virtual time: thousands of rekeys, by time, packets and from both ends, leave nothing behind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assertAgreement } from "./harness/assertions.ts";
import { establishedWorld, type World } from "./harness/world.ts";

const REKEYS = 10_000;
/** Until caches, tables and the engine's own code have their size. */
const WARM_UP = 3000;
/** Octets for each rekey after that. The smallest thing that an SA could leave behind, one key of 16 octets with its object, takes more. */
const RETAINED = 100;

const CPUS = 3;
/** Milliseconds between two looks at the hosts. */
const STRIDE = 60_000;

const host = {
  connection: { rekeyTime: 200_000, overTime: 40_000, dpdDelay: 30_000 },
  child: {
    startAction: "start",
    perCpuSas: true,
    rekeyTime: 100_000,
    lifeTime: 150_000,
    rekeyPackets: 100,
    lifePackets: 1000,
  },
} as const;

test(`${REKEYS} rekeys leak nothing`, () => {
  const world = establishedWorld({ cpus: CPUS, left: host, right: host });
  const rekeys = { child: 0, ike: 0 };
  const reach = (count: number): void => {
    while (rekeys.child + rekeys.ike < count) {
      carryPackets(world);
      world.run(STRIDE);
      for (const { kind } of world.left.events) {
        if (kind === "childRekeyed") rekeys.child++;
        if (kind === "ikeRekeyed") rekeys.ike++;
      }
      forget(world);
    }
  };
  reach(WARM_UP);
  const [heapBefore, sizesBefore] = [retainedHeap(), sizes(world)];
  reach(REKEYS);
  const growth = retainedHeap() - heapBefore;
  assert.ok(rekeys.ike > REKEYS / 20, `${rekeys.ike} rekeys of IKE SAs`);
  assert.ok(growth < RETAINED * (REKEYS - WARM_UP), `${growth} octets more are held than ${REKEYS - WARM_UP} rekeys ago`);
  assert.deepEqual(sizes(world), sizesBefore);

  world.settle();
  assertAgreement(world);
  world.closeIke(world.left);
  world.run(100_000);
  for (const { endpoint, dataPlane } of world.hosts) {
    const { ikeSas, childSas, groups } = endpoint.status(world.now);
    assert.deepEqual([ikeSas, childSas, groups], [[], [], []]);
    assert.deepEqual([dataPlane.inbound.size, dataPlane.outbound.size, dataPlane.usage.size], [0, 0, 0]);
  }
});

function carryPackets(world: World): void {
  for (const from of world.hosts) {
    for (let packet = 0; packet < 10 * CPUS; packet++) assert.equal(world.pass(from, packet % CPUS), undefined);
  }
  world.pollUsage();
}

/** What the test itself would pile up. */
function forget(world: World): void {
  world.reader.forget();
  for (const { events, dataPlane, keepalives } of world.hosts) {
    events.length = 0;
    keepalives.length = 0;
    dataPlane.log.length = 0;
  }
}

/** What is there, at a moment when no exchange is under way. */
function sizes(world: World): unknown {
  return world.hosts.map(({ dataPlane, endpoint }) => {
    const { ikeSas, groups, counters } = endpoint.status(world.now);
    return { ikeSas: ikeSas.length, groups: groups.length, policies: dataPlane.policies.size, halfOpen: counters.halfOpen };
  });
}

/** Octets of the heap after everything that nobody holds is gone. */
function retainedHeap(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round < 3; round++) collect();
  return process.memoryUsage().heapUsed;
}
