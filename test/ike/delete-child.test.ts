/** Closing Child SAs (RFC 7296 §1.4.1, §2.25.1). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAgreement, childStates, eventsOf } from "./harness/assertions.ts";
import { establishedWorld } from "./harness/world.ts";

for (const side of ["left", "right"] as const) {
  test(`regular, by the ${side}: each end names its half`, () => {
    const world = establishedWorld();
    world.closeChild(world.host(side));
    assert.equal(childStates(world)[side][0], "DELETING");
    const ladder = world.settle();
    assert.equal(ladder.length, 2);
    for (const line of ladder) assert.match(line, /INFORMATIONAL \d( R)? \{ D\(1\) \}/);
    assert.deepEqual(childStates(world), { left: [], right: [] });
    assertAgreement(world);
    const by = world.hosts.map((host) => eventsOf(host, "childDown")[0]?.by);
    assert.deepEqual(by, side === "left" ? ["local", "peer"] : ["peer", "local"]);
    world.run(1001);
    for (const { dataPlane } of world.hosts) {
      assert.deepEqual([dataPlane.inbound.size, dataPlane.outbound.size, dataPlane.policies.size], [0, 0, 0]);
    }
  });
}

test("while the Delete is on its way, what the peer still sends is received", () => {
  const world = establishedWorld();
  world.closeChild(world.left);
  assert.equal(world.pass(world.right, 0), undefined);
  const late = world.send(world.right, 0);
  world.settle();
  assert.ok(late.kind === "sealed");
  world.advance(999);
  assert.equal(world.receive(world.left, late.packet), undefined);
  world.advance(2);
  assert.equal(world.receive(world.left, late.packet), "InNoStates");
});

test("collision: both ends at once: each answers without a Delete payload", () => {
  const world = establishedWorld();
  world.closeChild(world.left);
  world.closeChild(world.right);
  const ladder = world.settle();
  assert.deepEqual(ladder, [
    "INFORMATIONAL 2 { D(1) } -->",
    "<-- INFORMATIONAL 0 { D(1) }",
    "<-- INFORMATIONAL 2 R { }",
    "INFORMATIONAL 0 R { } -->",
  ]);
  assert.deepEqual(childStates(world), { left: [], right: [] });
  assertAgreement(world);
});

test("collision_drop: both at once, and one Delete is lost and comes again", () => {
  const world = establishedWorld();
  world.closeChild(world.left);
  world.closeChild(world.right);
  world.lose("left");
  world.run(10_000);
  assert.deepEqual(childStates(world), { left: [], right: [] });
  assertAgreement(world);
});

test("the Delete is never answered: the peer is unreachable, and all goes", () => {
  const world = establishedWorld();
  world.closeChild(world.left);
  world.wire.length = 0;
  for (let second = 0; second < 300; second++) {
    world.advance(1000);
    world.wire.length = 0;
  }
  assert.equal(world.status(world.left).ikeSas.length, 0);
  assert.equal(eventsOf(world.left, "peerUnreachable").length, 1);
});

test("an SA that was closed can be brought up again", () => {
  const world = establishedWorld();
  world.closeChild(world.left);
  world.settle();
  world.initiate(world.right);
  assert.equal(world.settle()[0], "<-- CREATE_CHILD_SA 0 { SA, NONCE, TSi, TSr }");
  assertAgreement(world);
  assert.equal(world.status(world.left).childSas.length, 1);
  for (const host of world.hosts) assert.equal(world.pass(host, 0), undefined);
});
