/** How many IKE SAs one peer may have here: beyond that the one that has been silent for longest is closed, also when the peer closes nothing. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConnectionConfig } from "../../src/ike/config.ts";
import { NO_IDENTITY } from "../../src/ike/identity.ts";
import { assertAgreement, eventsOf, ikeStates } from "./harness/assertions.ts";
import { endpointConfig } from "./harness/configs.ts";
import { World } from "./harness/world.ts";

/** The left end has the same connection so many times, so that its IKE SAs are of one identity; INITIAL_CONTACT goes with the first alone. */
function crowd(size: number, left: Partial<ConnectionConfig> = {}, right: Partial<ConnectionConfig> = {}): World {
  const [template] = endpointConfig("left", { connection: left }).connections;
  assert.ok(template !== undefined);
  const connections = Array.from({ length: size }, (_, index) => ({ ...template, name: `t${index}` }));
  return new World({ left: { endpoint: { connections } }, right: { connection: right } });
}

const begin = (world: World, index: number): void => world.command(world.left, { verb: "initiate", connection: `t${index}` });

function beginAll(world: World, size: number): void {
  for (let index = 0; index < size; index++) {
    begin(world, index);
    world.run(100);
  }
}

const count = (world: World, state: string): number => ikeStates(world).right.filter((each) => each === state).length;

describe("IKE SAs of one peer", () => {
  test("eight stay; with each further one, the oldest is closed, and the operator is told why", () => {
    const world = crowd(20);
    beginAll(world, 20);
    assertAgreement(world);
    assert.equal(count(world, "ESTABLISHED"), 8);
    assert.equal(world.right.dataPlane.policies.size, 8);
    assert.deepEqual(
      world.status(world.left).ikeSas.map(({ connection }) => connection),
      [12, 13, 14, 15, 16, 17, 18, 19].map((index) => `t${index}`),
    );
    const [down] = eventsOf(world.right, "ikeDown");
    assert.equal(down?.by, "local");
    assert.match(down.why, /left\.example has more than 8 IKE SAs here \(max_ike_sas\)/);
  });

  test("the one that was heard of last stays, however old", () => {
    const world = crowd(3, {}, { maxIkeSas: 2 });
    beginAll(world, 2);
    world.rekeyChild(world.left);
    world.settle();
    world.run(100);
    begin(world, 2);
    world.settle();
    assertAgreement(world);
    assert.deepEqual(
      world.status(world.left).ikeSas.map(({ connection }) => connection),
      ["t0", "t2"],
    );
  });

  test("max_ike_sas allows more", () => {
    const world = crowd(20, {}, { maxIkeSas: 15 });
    beginAll(world, 20);
    assert.equal(count(world, "ESTABLISHED"), 15);
  });

  test("two that both ends begin at once, or that overlap, both stay under the least limit", () => {
    const world = new World({ left: { connection: { maxIkeSas: 2 } }, right: { connection: { maxIkeSas: 2 } } });
    for (const host of world.hosts) world.initiate(host);
    world.settle();
    world.run(10_000);
    assertAgreement(world);
    assert.deepEqual(ikeStates(world).right, ["ESTABLISHED", "ESTABLISHED"]);
  });

  test("a peer that has started anew says so, and gets in as ever", () => {
    const world = new World();
    for (let round = 0; round < 20; round++) {
      world.command(world.left, { verb: "flush" });
      world.advance(10);
      world.initiate();
      world.settle();
    }
    assertAgreement(world);
    assert.equal(count(world, "ESTABLISHED"), 1);
    for (const { why } of eventsOf(world.right, "ikeDown")) assert.match(why, /INITIAL_CONTACT/);
  });

  test("of whoever shows no identity: those from one place", () => {
    const nobody = { local: { auth: "null", id: NO_IDENTITY }, remote: { auth: "null", id: "%any" } } as const;
    const world = crowd(20, nobody, nobody);
    beginAll(world, 20);
    assert.equal(count(world, "ESTABLISHED"), 8);
  });
});

describe("a peer that lets go of nothing", () => {
  test("does not answer Deletes: as many more are waited for, not all", () => {
    const world = crowd(40);
    for (let index = 0; index < 40; index++) {
      begin(world, index);
      for (let step = 0; step < 4; step++) world.deliver();
      // The Delete of the oldest.
      world.wire.length = 0;
      world.now += 10;
    }
    assert.deepEqual([count(world, "ESTABLISHED"), count(world, "DELETING")], [8, 8]);
    assert.equal(ikeStates(world).right.length, 16);
    assert.equal(world.right.dataPlane.policies.size, 16);
  });

  test("rekeys an IKE SA again and again and closes none: as many are waited for, not all", () => {
    const world = new World();
    world.initiate();
    world.settle();
    for (let round = 0; round < 30; round++) {
      const newest = world.status(world.left).ikeSas.find(({ state }) => state === "ESTABLISHED");
      assert.ok(newest !== undefined);
      world.command(world.left, { verb: "rekey", target: { ikeSa: newest.id } });
      while (world.wire.length > 0) {
        const datagram = world.hold();
        if (!world.describe(datagram).includes("{ D")) world.arrive(datagram);
      }
    }
    assert.equal(eventsOf(world.right, "ikeRekeyed").length, 30);
    assert.equal(count(world, "ESTABLISHED"), 1);
    assert.ok(count(world, "REKEYED") <= 9, `${count(world, "REKEYED")}`);
    world.run(200_000);
    assert.deepEqual(ikeStates(world).right, ["ESTABLISHED"]);
    assert.equal(world.pass(world.left, 0), undefined);
  });
});
