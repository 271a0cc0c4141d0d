/** `start_action: trap` and `start`: Child SAs that packets or the beginning ask for (RFC 4301 §4.4.1, RFC 7296 §2.9). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";
import { assertAgreement, childStates, eventsOf, ikeStates } from "./harness/assertions.ts";
import { childConfig, type Overrides } from "./harness/configs.ts";
import { flowFrom, World } from "./harness/world.ts";

const trap: Overrides = { child: { startAction: "trap" } };

describe("trap", () => {
  test("a packet brings up the tunnel, and is the first selector of the request", () => {
    const world = new World({ left: trap, cpus: 2 });
    assert.equal(world.left.dataPlane.policies.size, 1);
    const lost = world.send(world.left, 1);
    assert.deepEqual(lost, { kind: "dropped", why: "OutNoStates" });
    world.deliver();
    world.deliver();
    const [request] = world.wire;
    assert.ok(request !== undefined);
    const tsi = world.reader.payloads(request.octets).find(({ type }) => type === "TSi");
    assert.ok(tsi?.type === "TSi");
    assert.deepEqual(tsi.selectors, [parsePrefix("10.1.0.1[udp/1000]"), parsePrefix("10.1.0.0/16")]);
    world.settle();
    assertAgreement(world);
    assert.deepEqual(world.status(world.left).childSas[0]?.localTs, ["10.1.0.0/16"]);
    assert.equal(world.status(world.left).childSas[0]?.cpu, 1, "the CPU whose packet asked");
    for (const cpu of [0, 1]) assert.equal(world.pass(world.left, cpu), undefined);
  });

  test("one question for one packet or many, from one CPU or all", () => {
    const world = new World({ left: trap, cpus: 4 });
    for (let round = 0; round < 3; round++) for (let cpu = 0; cpu < 4; cpu++) world.send(world.left, cpu);
    assert.equal(world.wire.length, 1);
    world.settle();
    assert.equal(world.status(world.left).childSas.length, 1);
  });

  test("after a Delete the next packet asks again, and only a packet does", () => {
    const world = new World({ left: trap });
    world.send(world.left, 0);
    world.settle();
    world.closeChild(world.right);
    world.settle();
    world.run(100_000);
    assert.deepEqual(childStates(world), { left: [], right: [] });
    world.send(world.left, 0);
    assert.match(world.settle()[0] ?? "", /^CREATE_CHILD_SA 2 \{ SA, NONCE, TSi, TSr \}/);
    assertAgreement(world);
    world.closeIke(world.right);
    world.settle();
    world.run(100_000);
    assert.deepEqual(ikeStates(world), { left: [], right: [] });
    world.send(world.left, 0);
    world.settle();
    assertAgreement(world);
    assert.equal(world.pass(world.left, 0), undefined);
  });

  test("after a failure it is quiet for a while, then a packet may ask again", () => {
    const world = new World({ left: { ...trap, secret: "wrong" } });
    world.send(world.left, 0);
    world.settle();
    assert.equal(eventsOf(world.left, "connectionFailed").length, 1);
    world.run(4000);
    world.send(world.left, 0);
    assert.equal(world.wire.length, 0);
    world.run(2000);
    world.send(world.left, 0);
    assert.equal(world.wire.length, 1);
  });

  test("a packet outside of what was narrowed asks for a Child SA of its own", () => {
    const wide = { startAction: "trap" as const, remoteTs: [parsePrefix("10.0.0.0/8")] };
    const right = {
      connection: { children: [childConfig("right"), childConfig("right", { name: "other", localTs: [parsePrefix("10.3.0.0/16")] })] },
    };
    const world = new World({ left: { child: wide }, right });
    world.send(world.left, 0);
    world.settle();
    assert.deepEqual(
      world.status(world.left).childSas.map(({ remoteTs }) => remoteTs),
      [["10.2.0.0/16"]],
    );
    const flow = { ...flowFrom("left"), destinationAddress: "10.3.0.1" };
    world.send(world.left, 0, flow);
    world.settle();
    assertAgreement(world);
    assert.deepEqual(
      world
        .status(world.left)
        .childSas.map(({ remoteTs }) => remoteTs)
        .flat()
        .sort(),
      ["10.2.0.0/16", "10.3.0.0/16"],
    );
    const sent = world.send(world.left, 0, flow);
    assert.ok(sent.kind === "sealed");
    assert.equal(world.receive(world.right, sent.packet), undefined);
  });

  test("both ends have a trap, and both have a packet", () => {
    const world = new World({ left: trap, right: trap });
    world.send(world.left, 0);
    world.send(world.right, 0);
    world.settle();
    world.run(60_000);
    assertAgreement(world);
    for (const host of world.hosts) assert.equal(world.pass(host, 0), undefined);
  });

  test("both ends ask at once for the first SA of a group on one IKE SA: one group with two members", () => {
    const child = { startAction: "trap" as const, perCpuSas: true };
    const world = new World({ left: { child }, right: { child }, cpus: 2 });
    world.send(world.left, 0);
    world.settle();
    world.closeChild(world.left);
    world.settle();
    world.send(world.left, 0);
    world.send(world.right, 0);
    world.settle();
    assertAgreement(world);
    for (const host of world.hosts) {
      assert.equal(world.status(host).groups.length, 1);
      assert.equal(world.status(host).groups[0]?.members.length, 2);
      for (const cpu of [0, 1]) assert.equal(world.pass(host, cpu), undefined);
    }
  });
});

describe("start", () => {
  test("all children that are to be up: the first in IKE_AUTH, the others after it", () => {
    const children = (side: "left" | "right") =>
      ["10.1.0.0/16", "10.11.0.0/16", "10.12.0.0/16"].map((net, index) =>
        childConfig(side, {
          name: `net${index}`,
          startAction: "start",
          ...(side === "left" ? { localTs: [parsePrefix(net)] } : { remoteTs: [parsePrefix(net)] }),
        }),
      );
    const right = children("right").map((child) => ({ ...child, startAction: "none" as const }));
    const world = new World({ left: { connection: { children: children("left") } }, right: { connection: { children: right } } });
    assert.equal(world.wire.length, 0, "nothing before the first timeout");
    world.run(0);
    assertAgreement(world);
    assert.deepEqual(
      world.status(world.right).childSas.map(({ child }) => child),
      ["net0", "net1", "net2"],
    );
  });

  test("both ends start: every child is up, and traffic passes both ways", () => {
    const child = { startAction: "start" as const };
    const world = new World({ left: { child }, right: { child } });
    world.run(1000);
    assertAgreement(world);
    for (const host of world.hosts) assert.equal(world.pass(host, 0), undefined);
  });

  test("what the operator takes down stays down", () => {
    const world = new World({ left: { child: { startAction: "start" } } });
    world.run(0);
    world.command(world.left, { verb: "terminate", target: { connection: "tunnel" } });
    world.settle();
    world.run(1_000_000);
    assert.deepEqual(ikeStates(world), { left: [], right: [] });
    assert.equal(world.status(world.left).connections[0]?.state, "configured");
  });
});
