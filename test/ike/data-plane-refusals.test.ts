/** What the data plane has no room for, or cannot send: the SAs concerned are closed, the operator is told, and everything else stays. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cpuIndex, policyId } from "../../src/ipsec/names.ts";
import type { SadbEvent } from "../../src/ipsec/sadb.ts";
import { assertAgreement, childStates, eventsOf, ikeStates } from "./harness/assertions.ts";
import { establishedWorld, flowFrom, World, type Host } from "./harness/world.ts";

const CPU = cpuIndex(0);
const WHY = "the worker's SAD is full";

function refuse(world: World, host: Host, event: SadbEvent): void {
  world.act(host, (endpoint) => endpoint.handleSadbEvent(event, world.now));
}

function onlyChild(world: World, host: Host): { readonly id: Extract<SadbEvent, { verb: "saRefused" }>["id"] } {
  const [child, ...others] = world.status(host).childSas;
  assert.ok(child !== undefined && others.length === 0);
  return child;
}

describe("a refused Child SA", () => {
  for (const side of ["left", "right"] as const) {
    test(`on the ${side} is closed at both ends, with the reason for the operator`, () => {
      const world = establishedWorld();
      const host = world.host(side);
      const { id } = onlyChild(world, host);
      refuse(world, host, { verb: "saRefused", id, cpu: CPU, why: WHY });
      assert.equal(world.send(host, 0).kind, "dropped", "nothing is sent on it any more");
      world.settle();
      world.run(60_000);
      assertAgreement(world);
      assert.deepEqual(childStates(world), { left: [], right: [] });
      assert.deepEqual(ikeStates(world), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
      assert.deepEqual(eventsOf(host, "dataPlaneRefused"), [
        { kind: "dataPlaneRefused", connection: "tunnel", child: "net", what: "Child SA", cpu: CPU, why: WHY },
      ]);
      const [down] = eventsOf(host, "childDown");
      assert.deepEqual([down?.by, down?.why], ["local", `CPU 0 cannot carry it: ${WHY}`]);
    });
  }

  test("is told of once, though every CPU refuses a shared one", () => {
    const world = establishedWorld({ cpus: 4 });
    const { id } = onlyChild(world, world.left);
    for (let cpu = 0; cpu < 4; cpu++) refuse(world, world.left, { verb: "saRefused", id, cpu: cpuIndex(cpu), why: WHY });
    world.settle();
    refuse(world, world.left, { verb: "saRefused", id, cpu: CPU, why: WHY });
    assert.equal(eventsOf(world.left, "dataPlaneRefused").length, 1);
    assertAgreement(world);
  });
});

describe("for want of room", () => {
  test("a trap asks again after half a minute, not with each packet", () => {
    const world = new World({ left: { child: { startAction: "trap" } } });
    world.send(world.left, 0);
    world.settle();
    refuse(world, world.left, { verb: "saRefused", id: onlyChild(world, world.left).id, cpu: CPU, why: WHY });
    world.settle();
    world.run(29_000);
    world.send(world.left, 0);
    assert.deepEqual(world.settle(), []);
    world.run(2_000);
    world.send(world.left, 0);
    world.settle();
    assertAgreement(world);
    assert.equal(world.status(world.left).childSas.length, 1);
  });

  test("start_action: start asks again after half a minute", () => {
    const world = establishedWorld({ left: { child: { startAction: "start" } } });
    // Its own beginning is over.
    world.run(2_000);
    refuse(world, world.left, { verb: "saRefused", id: onlyChild(world, world.left).id, cpu: CPU, why: WHY });
    world.settle();
    world.run(29_000);
    assert.deepEqual(childStates(world), { left: [], right: [] });
    world.run(2_000);
    assertAgreement(world);
    assert.equal(world.status(world.left).childSas.length, 1);
  });

  test("a CPU beside others asks for an SA of its own again after a moment, not with each packet", () => {
    const perCpu = { child: { perCpuSas: true } };
    const world = establishedWorld({ cpus: 2, left: perCpu, right: perCpu });
    world.send(world.left, 1);
    world.settle();
    const own = world.status(world.left).childSas.find(({ cpu }) => cpu === 1);
    assert.ok(own !== undefined);
    refuse(world, world.left, { verb: "saRefused", id: own.id, cpu: cpuIndex(1), why: WHY });
    world.settle();
    world.send(world.left, 1);
    assert.deepEqual(world.settle(), []);
    world.run(60_000);
    world.send(world.left, 1);
    assert.notDeepEqual(world.settle(), []);
    assertAgreement(world);
  });
});

describe("a refused policy", () => {
  test("goes from all CPUs, with all Child SAs of its group, none of which takes over from another", () => {
    const perCpu = { child: { perCpuSas: true } };
    const world = establishedWorld({ cpus: 2, left: perCpu, right: perCpu });
    world.send(world.left, 0);
    world.send(world.left, 1);
    world.settle();
    assert.equal(world.status(world.left).childSas.length, 2);
    const [policy, ...others] = world.left.dataPlane.policies.keys();
    assert.ok(policy !== undefined && others.length === 0);
    for (const cpu of [0, 1]) refuse(world, world.left, { verb: "policyRefused", policyId: policy, cpu: cpuIndex(cpu), why: WHY });
    assert.deepEqual(world.send(world.left, 0), { kind: "dropped", why: "OutNoPols" });
    world.settle();
    world.run(60_000);
    assert.deepEqual(childStates(world), { left: [], right: [] });
    assert.deepEqual(ikeStates(world), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
    assert.equal(world.left.dataPlane.policies.size, 0);
    assert.deepEqual(eventsOf(world.left, "dataPlaneRefused"), [
      { kind: "dataPlaneRefused", connection: "tunnel", child: "net", what: "policy", cpu: CPU, why: WHY },
    ]);
    // What is asked for later begins anew.
    world.initiate();
    world.settle();
    assertAgreement(world);
    assert.equal(world.pass(world.left, 0), undefined);
  });

  test("also goes where packets would keep it after an idle time", () => {
    const world = establishedWorld({ left: { child: { idleTimeout: 3_600_000 } } });
    const [policy] = world.left.dataPlane.policies.keys();
    assert.ok(policy !== undefined);
    refuse(world, world.left, { verb: "policyRefused", policyId: policy, cpu: CPU, why: WHY });
    world.settle();
    assert.equal(world.left.dataPlane.policies.size, 0);
    assert.deepEqual(childStates(world), { left: [], right: [] });
  });

  test("that is gone already changes nothing", () => {
    const world = establishedWorld();
    const gone = policyId(9999);
    refuse(world, world.left, { verb: "policyRefused", policyId: gone, cpu: CPU, why: WHY });
    assertAgreement(world);
    assert.equal(world.pass(world.left, 0), undefined);
    assert.deepEqual(eventsOf(world.left, "dataPlaneRefused"), []);
  });
});

test("a refused trap is told of, and works on the CPUs that have it", () => {
  const world = new World({ left: { child: { startAction: "trap" } }, cpus: 2 });
  const [policy] = world.left.dataPlane.policies.keys();
  assert.ok(policy !== undefined);
  refuse(world, world.left, { verb: "policyRefused", policyId: policy, cpu: CPU, why: WHY });
  assert.deepEqual(eventsOf(world.left, "dataPlaneRefused"), [
    { kind: "dataPlaneRefused", connection: "tunnel", child: "net", what: "trap", cpu: CPU, why: WHY },
  ]);
  world.send(world.left, 1, flowFrom("left"));
  world.settle();
  assertAgreement(world);
  assert.equal(world.pass(world.left, 1), undefined);
});
