/** The end of an IKE SA (RFC 7296 §1.4.1, §2.4): by Delete, by silence, by INITIAL_CONTACT, on shutdown. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertAgreement, childStates, eventsOf, ikeStates } from "./harness/assertions.ts";
import { establishedWorld, World, type Host } from "./harness/world.ts";

const isEmpty = ({ dataPlane }: Host): boolean => dataPlane.inbound.size + dataPlane.outbound.size + dataPlane.policies.size === 0;

describe("Delete", () => {
  for (const side of ["left", "right"] as const) {
    test(`regular, by the ${side}: the Child SAs go along`, () => {
      const world = establishedWorld();
      world.closeIke(world.host(side));
      assert.equal(ikeStates(world)[side][0], "DELETING");
      const ladder = world.settle();
      assert.equal(ladder.length, 2);
      assert.match(ladder[0] ?? "", /\{ D\(IKE\) \}/);
      assert.deepEqual(ikeStates(world), { left: [], right: [] });
      for (const host of world.hosts) {
        assert.ok(isEmpty(host));
        assert.equal(eventsOf(host, "ikeDown").length, 1);
        assert.equal(eventsOf(host, "childDown").length, 1);
      }
    });
  }

  test("both ends at once", () => {
    const world = establishedWorld();
    world.closeIke(world.left);
    world.closeIke(world.right);
    world.settle();
    assert.deepEqual(ikeStates(world), { left: [], right: [] });
    world.run(60_000);
    assert.ok(world.hosts.every(isEmpty));
  });

  test("the answer is lost: the repeated Delete is answered once more, by an IKE SA that is gone", () => {
    const world = establishedWorld();
    world.closeIke(world.left);
    world.deliver();
    assert.deepEqual(ikeStates(world).right, []);
    world.lose();
    world.run(10_000);
    assert.deepEqual(ikeStates(world).left, []);
    assert.equal(eventsOf(world.left, "peerUnreachable").length, 0);
  });

  test("the connection is down at both ends, and comes back on command", () => {
    const world = establishedWorld();
    world.closeIke(world.right);
    world.settle();
    assert.match(world.status(world.left).connections[0]?.lastError ?? "", /deleted by the peer/);
    world.initiate(world.right);
    world.settle();
    assertAgreement(world);
  });
});

describe("liveness", () => {
  const connection = { dpdDelay: 5000 };

  test("a silent peer is asked, and answers", () => {
    const world = establishedWorld({ left: { connection } });
    world.advance(5000);
    assert.deepEqual(world.settle(), ["INFORMATIONAL 2 { } -->", "<-- INFORMATIONAL 2 R { }"]);
    world.run(60_000);
    assertAgreement(world);
  });

  test("ESP that comes in is life enough", () => {
    const world = establishedWorld({ left: { connection } });
    for (let second = 0; second < 30; second++) {
      assert.equal(world.pass(world.right, 0), undefined);
      world.pollUsage();
      world.advance(1000);
    }
    assert.equal(world.wire.length, 0);
    // What goes out proves nothing.
    for (let second = 0; second < 6; second++) {
      world.send(world.left, 0);
      world.pollUsage();
      if (second < 5) world.advance(1000);
    }
    assert.deepEqual(
      world.wire.map((datagram) => world.describe(datagram)),
      ["INFORMATIONAL 2 { } -->"],
    );
  });

  test("a dead peer: retransmissions, then all is gone, without a Delete", () => {
    const world = establishedWorld({ left: { connection, endpoint: { retransmit: { timeout: 500, base: 2, tries: 3, jitter: 0 } } } });
    world.advance(5000);
    for (let second = 0; second < 20; second++) {
      world.advance(1000);
      world.wire.length = 0;
    }
    assert.deepEqual(ikeStates(world).left, []);
    assert.ok(isEmpty(world.left));
    assert.equal(eventsOf(world.left, "retransmit").length, 3);
    assert.equal(eventsOf(world.left, "peerUnreachable").length, 1);
    assert.equal(world.status(world.left).connections[0]?.state, "down");
  });

  test("children that are to be up are brought up again when the peer was found dead", () => {
    const left = { connection, child: { startAction: "start" as const } };
    const world = new World({ left });
    world.run(0);
    assertAgreement(world);
    // The right end restarts: it knows nothing any more.
    world.command(world.right, { verb: "flush" });
    world.run(300_000);
    assertAgreement(world);
    assert.equal(world.status(world.left).childSas.length, 1);
  });
});

describe("INITIAL_CONTACT", () => {
  test("a peer that has started anew: its old IKE SA is forgotten here, without a Delete", () => {
    const world = establishedWorld();
    world.command(world.left, { verb: "flush" });
    world.advance(10);
    world.initiate();
    const ladder = world.settle();
    assert.equal(ladder.length, 4);
    assertAgreement(world);
    assert.equal(world.status(world.right).childSas.length, 1);
    assert.match(eventsOf(world.right, "ikeDown")[0]?.why ?? "", /INITIAL_CONTACT/);
  });

  test("it is not sent by whoever has another IKE SA with the peer", () => {
    const world = establishedWorld();
    world.advance(10);
    world.command(world.left, { verb: "terminate", target: { connection: "tunnel" } });
    const deletion = world.hold();
    world.initiate();
    const ladder = world.settle();
    assert.ok(ladder[2]?.startsWith("IKE_AUTH") && !ladder[2].includes("N(INITIAL_CONTACT)"), "one that is being closed counts");
    world.arrive(deletion);
    world.settle();
    assertAgreement(world);
  });

  test("both ends begin at once: neither eats the other's IKE SA", () => {
    const world = new World();
    world.initiate(world.left);
    world.initiate(world.right);
    world.settle();
    assertAgreement(world);
    assert.equal(world.status(world.left).ikeSas.length, 2);
    for (const host of world.hosts) assert.equal(world.pass(host, 0), undefined);
  });
});

describe("unique", () => {
  const second = (world: World): void => {
    world.advance(10);
    world.command(world.left, { verb: "flush" });
    world.initiate();
  };

  test("replace: the older IKE SA is closed with a Delete", () => {
    const world = establishedWorld({ right: { connection: { unique: "replace" } } });
    world.advance(10);
    // The left end makes another one although it has one: as after a change of its mind about addresses.
    world.initiate(world.right);
    assert.equal(world.wire.length, 0, "what is up is not made twice");
    second(world);
    world.settle();
    assert.equal(world.status(world.right).ikeSas.length, 1);
    assertAgreement(world);
  });

  test("keep: the newcomer is refused", () => {
    const world = establishedWorld({ right: { connection: { unique: "keep" } } });
    second(world);
    world.settle();
    assert.match(eventsOf(world.right, "authFailed")[0]?.text ?? "", /unique: keep/);
    assert.deepEqual(ikeStates(world).left, []);
    assert.equal(ikeStates(world).right.length, 1);
  });
});

describe("shutdown", () => {
  test("Deletes are sent and answered, then it is done", () => {
    const world = establishedWorld({ left: { child: { startAction: "trap" } } });
    world.command(world.left, { verb: "shutdown" });
    assert.equal(eventsOf(world.left, "done").length, 0);
    world.settle();
    assert.equal(eventsOf(world.left, "done").length, 1);
    assert.ok(isEmpty(world.left), "the trap is gone too");
    assert.ok(isEmpty(world.right));
  });

  test("a peer that does not answer is not waited for for long", () => {
    const world = establishedWorld();
    world.command(world.left, { verb: "shutdown" });
    world.advance(4999);
    assert.equal(eventsOf(world.left, "done").length, 0);
    world.advance(1);
    assert.equal(eventsOf(world.left, "done").length, 1);
  });

  test("in the middle of a handshake", () => {
    for (let steps = 0; steps < 4; steps++) {
      const world = new World();
      world.initiate();
      for (let index = 0; index < steps; index++) world.deliver();
      world.command(world.left, { verb: "shutdown" });
      world.run(60_000);
      assert.equal(eventsOf(world.left, "done").length, 1, `after ${steps} messages`);
      assert.deepEqual(ikeStates(world), { left: [], right: [] });
      assert.deepEqual(childStates(world), { left: [], right: [] });
    }
  });

  test("with nothing up it is done at once", () => {
    const world = new World();
    world.command(world.left, { verb: "shutdown" });
    assert.equal(eventsOf(world.left, "done").length, 1);
    world.act(world.left, (endpoint) => {
      assert.equal(endpoint.handleCommand({ verb: "initiate", connection: "tunnel" }, world.now).ok, false);
    });
  });
});
