/** What the operator sees and says: status, events, commands; and what nobody sees: secrets. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { childSaId } from "../../src/ipsec/names.ts";
import { ikeSaId, type Command } from "../../src/ike/command.ts";
import type { KeyMaterial } from "../../src/ike/events.ts";
import { toHex } from "../../src/wire/octets.ts";
import { assertAgreement, childStates, ikeStates } from "./harness/assertions.ts";
import { World, establishedWorld } from "./harness/world.ts";

const reasonOf = (world: World, command: Command): string => {
  const result = world.left.endpoint.handleCommand(command, world.now);
  assert.ok(!result.ok);
  return result.reason;
};

describe("commands", () => {
  test("what does not exist is refused in a sentence that names it", () => {
    const world = establishedWorld();
    const cases: [command: Command, reason: RegExp][] = [
      [{ verb: "initiate", connection: "nowhere" }, /no connection "nowhere"; configured are: tunnel\./],
      [{ verb: "initiate", connection: "tunnel", child: "nothing" }, /no child nothing\./],
      [{ verb: "terminate", target: { connection: "nowhere" } }, /no connection "nowhere"/],
      [{ verb: "terminate", target: { connection: "tunnel", child: "nothing" } }, /no Child SA for nothing\./],
      [{ verb: "terminate", target: { ikeSa: ikeSaId(9999) } }, /no IKE SA 9999\./],
      [{ verb: "terminate", target: { childSa: childSaId(9999) } }, /no Child SA 9999\./],
      [{ verb: "rekey", target: { ikeSa: ikeSaId(9999) } }, /no IKE SA 9999 that could be rekeyed/],
      [{ verb: "rekey", target: { childSa: childSaId(9999) } }, /no Child SA 9999 that could be rekeyed/],
    ];
    for (const [command, reason] of cases) assert.match(reasonOf(world, command), reason);
    assertAgreement(world);
  });

  test("what is being rekeyed is not rekeyed twice", () => {
    const world = establishedWorld();
    world.rekeyChild(world.left);
    const [child] = world.status(world.left).childSas;
    assert.ok(child !== undefined);
    assert.match(reasonOf(world, { verb: "rekey", target: { childSa: child.id } }), /could be rekeyed now/);
    assert.equal(world.wire.length, 1);
  });

  test("an IKE SA that has been replaced is not closed in place of its successor", () => {
    const world = establishedWorld();
    world.rekeyIke(world.right);
    world.deliver();
    const [old] = world.status(world.left).ikeSas;
    assert.equal(old?.state, "REKEYED");
    assert.match(reasonOf(world, { verb: "terminate", target: { ikeSa: old.id } }), /has been replaced/);
    world.settle();
    assertAgreement(world);
    assert.equal(world.status(world.left).childSas.length, 1);
  });

  test("terminate of a connection, a child, an IKE SA", () => {
    for (const target of ["connection", "child", "ikeSa"] as const) {
      const world = establishedWorld();
      const [ikeSa] = world.status(world.left).ikeSas;
      assert.ok(ikeSa !== undefined);
      const targets = { connection: { connection: "tunnel" }, child: { connection: "tunnel", child: "net" }, ikeSa: { ikeSa: ikeSa.id } };
      world.command(world.left, { verb: "terminate", target: targets[target] });
      world.settle();
      assert.deepEqual(childStates(world), { left: [], right: [] });
      assert.equal(ikeStates(world).left.length, target === "child" ? 1 : 0);
    }
  });

  test("what is up already is not made twice", () => {
    const world = establishedWorld();
    world.initiate();
    assert.equal(world.wire.length, 0);
    assert.equal(world.status(world.left).connections[0]?.state, "up");
  });
});

describe("status", () => {
  test("tells both ends the same story from two sides", () => {
    const world = establishedWorld();
    world.advance(5000);
    const [left, right] = world.hosts.map((host) => world.status(host));
    assert.ok(left !== undefined && right !== undefined);
    assert.deepEqual([left.ikeSas[0]?.role, right.ikeSas[0]?.role], ["initiator", "responder"]);
    assert.equal(left.ikeSas[0]?.initiatorSpi, right.ikeSas[0]?.initiatorSpi);
    assert.deepEqual([left.ikeSas[0]?.localId, left.ikeSas[0]?.remoteId], ["left.example", "right.example"]);
    assert.equal(left.ikeSas[0]?.age, 5000);
    assert.equal(left.childSas[0]?.spiIn, right.childSas[0]?.spiOut);
    assert.deepEqual(left.childSas[0]?.localTs, right.childSas[0]?.remoteTs);
    assert.deepEqual(left.counters.drops, {});
    assert.equal(left.counters.established, 1);
  });

  test("counts what passes", () => {
    const world = establishedWorld();
    for (let round = 0; round < 3; round++) assert.equal(world.pass(world.left, 0), undefined);
    world.pollUsage();
    assert.equal(world.status(world.left).childSas[0]?.packetsOut, 3);
    assert.equal(world.status(world.right).childSas[0]?.bytesIn, 300);
  });

  test("is made of plain data: it goes through JSON, but for what is infinite by nature", () => {
    const world = establishedWorld();
    const status = world.status(world.left);
    assert.deepEqual(JSON.parse(JSON.stringify(status)), JSON.parse(JSON.stringify(structuredClone(status))));
  });
});

describe("secrets", () => {
  test("are in no event, no status and no refusal", () => {
    const keys: string[] = [];
    const note = (material: KeyMaterial): void => {
      const octets = material.kind === "esp" ? [material.keymat] : [material.skEi, material.skEr, material.skAi, material.skAr];
      for (const key of octets) if (key.length > 0) keys.push(toHex(key));
    };
    const world = new World({ left: { secret: "correct horse battery" }, right: { secret: "correct horse battery" } });
    world.onKeys = note;
    world.initiate();
    world.settle();
    world.rekeyChild(world.left);
    world.settle();
    world.rekeyIke(world.right);
    world.settle();
    assert.equal(keys.length, 16, "two IKE SAs and two Child SAs, two directions, two ends");
    for (const host of world.hosts) {
      const told = JSON.stringify([host.events, world.status(host)]);
      assert.ok(!told.includes("correct horse"));
      for (const key of keys) assert.ok(!told.includes(key));
      assert.ok(!told.includes(toHex(new TextEncoder().encode("correct horse battery"))));
    }
  });

  test("the keys of an IKE SA are wiped when it dies", () => {
    const material: KeyMaterial[] = [];
    const world = new World();
    world.onKeys = (keys) => material.push(keys);
    world.initiate();
    world.settle();
    const ike = material.filter((keys) => keys.kind === "ike");
    assert.ok(ike.length === 2 && ike.every(({ skEi }) => skEi.some((octet) => octet !== 0)));
    world.closeIke(world.left);
    world.settle();
    for (const { skEi, skEr } of ike) assert.ok([...skEi, ...skEr].every((octet) => octet === 0));
  });
});
