/**
 * Rekeying Child SAs (RFC 7296 §2.8), alone and in collision with everything else (§2.8.1, §2.25.1). A case that strongSwan's suite
 * test_child_rekey has too begins with the name that it has there.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { espSpiOctets } from "../../src/ike/esp-spi.ts";
import { espSpi } from "../../src/ipsec/names.ts";
import { ExchangeType, ProtocolId } from "../../src/wire/iana/index.ts";
import { toHex } from "../../src/wire/octets.ts";
import { assertAgreement, childStates, eventsOf, ikeStates } from "./harness/assertions.ts";
import { espProposals, type Side } from "./harness/configs.ts";
import { offeredSpi } from "./harness/offered-spi.ts";
import { forgerIn } from "./harness/forger.ts";
import { establishedWorld, World, type Host } from "./harness/world.ts";

const REKEY = "CREATE_CHILD_SA 2 { N(REKEY_SA), SA, NONCE, TSi, TSr } -->";

/** Packets of both ends, on CPU 0, arrive at this moment. */
function assertTraffic(world: World, when: string): void {
  for (const host of world.hosts) assert.equal(world.pass(host, 0), undefined, `a packet from the ${host.side} ${when}`);
}

const spisIn = (world: World, host: Host): number[] => world.status(host).childSas.map(({ spiIn }) => spiIn);

describe("regular", () => {
  test("regular: the initiator of the rekey closes the old SA; no packet is lost at any step", () => {
    const world = establishedWorld();
    const [old] = spisIn(world, world.left);
    world.rekeyChild(world.left);
    assert.deepEqual(childStates(world), { left: ["REKEYING"], right: ["INSTALLED"] });

    // CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr } -->
    assert.equal(world.deliver(), REKEY);
    assert.deepEqual(childStates(world), { left: ["REKEYING"], right: ["REKEYED", "INSTALLED"] });
    assertTraffic(world, "after the request");

    // <-- CREATE_CHILD_SA { SA, Nr, TSi, TSr }
    assert.equal(world.deliver(), "<-- CREATE_CHILD_SA 2 R { SA, NONCE, TSi, TSr }");
    assert.deepEqual(childStates(world), { left: ["DELETING", "INSTALLED"], right: ["REKEYED", "INSTALLED"] });
    assertTraffic(world, "after the answer");

    // INFORMATIONAL { D } -->
    assert.equal(world.deliver(), "INFORMATIONAL 3 { D(1) } -->");
    assert.deepEqual(childStates(world), { left: ["DELETING", "INSTALLED"], right: ["INSTALLED"] });
    assertTraffic(world, "after the Delete");

    // <-- INFORMATIONAL { D }
    assert.equal(world.deliver(), "<-- INFORMATIONAL 3 R { D(1) }");
    assertAgreement(world);
    assertTraffic(world, "in the end");
    assert.notEqual(spisIn(world, world.left)[0], old);
    for (const host of world.hosts) {
      assert.equal(eventsOf(host, "childRekeyed").length, 1);
      assert.equal(host.dataPlane.inbound.size, 2, "the old inbound half lingers");
    }
    world.run(1001);
    for (const host of world.hosts) assert.equal(host.dataPlane.inbound.size, 1);
  });

  for (const side of ["left", "right"] as const) {
    test(`regular: by the ${side}, who need not be the one who made it`, () => {
      const world = establishedWorld();
      for (let round = 0; round < 3; round++) {
        world.rekeyChild(world.host(side));
        world.settle();
        assertAgreement(world);
        assertTraffic(world, `after round ${round}`);
      }
    });
  }

  test("regular_ke_invalid: with perfect forward secrecy, and with a wrong guess about the method", () => {
    const left = { child: { espProposals: espProposals("aes128gcm16-x25519-ecp256-noesn") } };
    const right = { child: { espProposals: espProposals("aes128gcm16-ecp256-noesn") } };
    const world = establishedWorld({ left, right });
    assertAgreement(world);
    world.rekeyChild(world.left);
    const ladder = world.settle();
    assert.deepEqual(ladder.slice(0, 3), [
      "CREATE_CHILD_SA 2 { N(REKEY_SA), SA, NONCE, KE, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA 2 R { N(INVALID_KE_PAYLOAD) }",
      "CREATE_CHILD_SA 3 { N(REKEY_SA), SA, NONCE, KE, TSi, TSr } -->",
    ]);
    assertAgreement(world);
    assert.equal(world.status(world.left).childSas[0]?.pfs, "ECP_256");
    assertTraffic(world, "in the end");
  });

  for (const lost of [0, 1, 2, 3]) {
    test(`message ${lost} is lost`, () => {
      const world = establishedWorld();
      world.rekeyChild(world.left);
      for (let index = 0; index < lost; index++) world.deliver();
      world.lose();
      for (let step = 0; step < 50; step++) {
        world.run(100);
        assertTraffic(world, `${step * 100} ms later`);
      }
      assertAgreement(world);
    });
  }

  test("by time: each end in its own time, and packets arrive throughout", () => {
    const child = { rekeyTime: 10_000, lifeTime: 12_000 };
    const world = establishedWorld({ left: { child }, right: { child } });
    for (let step = 0; step < 1000; step++) {
      world.run(100);
      assertTraffic(world, `at ${step * 100} ms`);
    }
    assert.ok(eventsOf(world.left, "childRekeyed").length >= 8);
  });

  test("by packets and by bytes: EXPIRE of the data plane", () => {
    const world = establishedWorld();
    for (const why of ["packets", "bytes"] as const) {
      const [child] = world.status(world.left).childSas;
      assert.ok(child !== undefined);
      world.act(world.left, (endpoint) =>
        endpoint.handleSadbEvent({ verb: "expire", id: child.id, hard: false, direction: "out", why }, world.now),
      );
      assert.match(world.settle()[0] ?? "", /N\(REKEY_SA\)/);
      assertAgreement(world);
    }
    assert.equal(eventsOf(world.left, "childRekeyed").length, 2);
  });

  test("a hard EXPIRE closes it", () => {
    const world = establishedWorld();
    const [child] = world.status(world.left).childSas;
    assert.ok(child !== undefined);
    world.act(world.left, (endpoint) =>
      endpoint.handleSadbEvent({ verb: "expire", id: child.id, hard: true, direction: "out", why: "packets" }, world.now),
    );
    world.settle();
    assert.deepEqual(childStates(world), { left: [], right: [] });
    assert.match(eventsOf(world.left, "childDown")[0]?.why ?? "", /limit of packets/);
  });

  test("a peer that refuses: the old SA stays in use, and another attempt follows", () => {
    const world = establishedWorld({
      right: { child: { espProposals: espProposals("aes128gcm16-noesn") } },
      left: { child: { espProposals: espProposals("aes128gcm16-x25519-noesn") } },
    });
    world.rekeyChild(world.left);
    assert.equal(world.settle().at(-1), "<-- CREATE_CHILD_SA 2 R { N(NO_PROPOSAL_CHOSEN) }");
    assertAgreement(world);
    assertTraffic(world, "after the refusal");
    world.advance(2000);
    assert.match(world.settle()[0] ?? "", /CREATE_CHILD_SA 3 \{ N\(REKEY_SA\)/);
  });

  test("regular_responder_lost_sa: the responder has lost the SA: CHILD_SA_NOT_FOUND, and it is made anew", () => {
    const world = new World();
    const forger = forgerIn(world);
    world.initiate();
    world.settle();
    const [old] = world.status(world.left).childSas;
    assert.ok(old !== undefined);
    world.rekeyChild(world.left);
    const request = world.hold("left");
    // A Delete of which the left end knows nothing, under a message ID that it will not come to: the right end has lost the SA, the left has not.
    const deletion = forger.request({
      exchangeType: ExchangeType.INFORMATIONAL,
      messageId: 10,
      payloads: [{ type: "DELETE", protocolId: ProtocolId.ESP, spiSize: 4, spis: [espSpiOctets(old.spiIn)] }],
    });
    world.arrive({ ...request, octets: deletion });
    assert.equal(world.lose("right"), "<-- INFORMATIONAL 10 R { D(1) }");
    assert.deepEqual(childStates(world), { left: ["REKEYING"], right: [] });

    // CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr } -->
    world.arrive(request);
    assert.deepEqual(childStates(world).right, []);
    // <-- CREATE_CHILD_SA { N(CHILD_SA_NOT_FOUND) }
    assert.equal(world.deliver(), "<-- CREATE_CHILD_SA 2 R { N(CHILD_SA_NOT_FOUND) }");
    assert.deepEqual(childStates(world).left, []);
    assert.match(eventsOf(world.left, "childDown")[0]?.why ?? "", /does not know it/);

    // CREATE_CHILD_SA { SA, Ni, TSi, TSr } -->, <-- CREATE_CHILD_SA { SA, Nr, TSi, TSr }
    assert.deepEqual(world.settle(), ["CREATE_CHILD_SA 3 { SA, NONCE, TSi, TSr } -->", "<-- CREATE_CHILD_SA 3 R { SA, NONCE, TSi, TSr }"]);
    assert.deepEqual(childStates(world), { left: ["INSTALLED"], right: ["INSTALLED"] });
    assert.notEqual(world.status(world.left).childSas[0]?.spiIn, old.spiIn);
    assertAgreement(world);
    assertTraffic(world, "in the end");
  });

  test("collision_delete_drop_delete: the responder is closing the SA, and its Delete is late: TEMPORARY_FAILURE, and then it is gone at both ends", () => {
    const world = establishedWorld();
    world.closeChild(world.right);
    const deletion = world.hold("right");
    world.rekeyChild(world.left);
    assert.equal(world.deliverFrom("left"), REKEY);
    assert.equal(world.deliverFrom("right"), "<-- CREATE_CHILD_SA 2 R { N(TEMPORARY_FAILURE) }");
    assert.deepEqual(childStates(world).left, ["INSTALLED"]);
    world.arrive(deletion);
    world.settle();
    assert.deepEqual(childStates(world), { left: [], right: [] });
  });

  test("the responder deletes the new SA while its answer is on its way: the Delete waits until the initiator has the answer", () => {
    const world = establishedWorld();
    world.rekeyChild(world.left);
    world.deliver();
    const answer = world.hold("right");
    world.closeChild(world.right, 1);
    assert.equal(world.wire.length, 0, "the left end would not know of what it speaks");
    world.arrive(answer);
    world.settle();
    assertAgreement(world);
    assert.deepEqual(childStates(world), { left: [], right: [] });
  });

  test("a responder that does not wait: its Delete overtakes its answer, and the old SA stays in use", () => {
    const world = new World();
    const forger = forgerIn(world);
    world.initiate();
    world.settle();
    world.rekeyChild(world.left);
    world.deliver();
    const answer = world.hold("right");
    const spi = espSpiOctets(espSpi(spisIn(world, world.right)[1] ?? 0));
    const deletion = forger.fromResponder({
      exchangeType: ExchangeType.INFORMATIONAL,
      messageId: 0,
      payloads: [{ type: "DELETE", protocolId: ProtocolId.ESP, spiSize: 4, spis: [spi] }],
    });
    world.arrive({ ...answer, octets: deletion });
    assert.equal(world.lose(), "INFORMATIONAL 0 R { } -->");
    world.arrive(answer);
    assert.deepEqual(childStates(world).left, ["INSTALLED"]);
    assert.equal(world.wire.length, 0, "what is gone is not deleted again, and what is left is not deleted");
    assert.equal(world.pass(world.left, 0), undefined);
  });

  test("regular_responder_delete: the responder closes the new SA before the initiator has closed the old one: that one is in use again", () => {
    const world = establishedWorld();
    world.rekeyChild(world.left);
    world.deliver();
    world.deliver();
    // The left end's Delete of the old one is on its way; the right end has seen a packet on the new one, and closes it.
    assert.equal(world.pass(world.left, 0), undefined);
    world.pollUsage();
    const deletion = world.hold("left");
    world.closeChild(world.right, 1);
    world.settle();
    assert.deepEqual(childStates(world).right, ["INSTALLED"]);
    world.arrive(deletion);
    world.settle();
    assert.deepEqual(childStates(world), { left: [], right: [] });
    assertAgreement(world);
  });
});

/** Both ends have asked; nothing has arrived. */
function bothRekey(nonces: Record<Side, readonly [request: number, answer: number]>): World {
  const world = establishedWorld();
  // The nonces of each end: first of its own request, then of its answer to the other's.
  world.left.nonceOctets.push(...nonces.left);
  world.right.nonceOctets.push(...nonces.right);
  world.rekeyChild(world.left);
  world.rekeyChild(world.right);
  return world;
}

/** There is one Child SA, and it is not the old one. */
function assertReplaced(world: World): void {
  assertAgreement(world);
  for (const host of world.hosts) {
    const [child, ...others] = world.status(host).childSas;
    assert.ok(child !== undefined && others.length === 0);
    const [first] = host.dataPlane.log.flatMap((message) => (message.verb === "addInbound" ? [message.sa.id] : []));
    assert.notEqual(child.id, first, "a rekey stands");
  }
}

describe("both ends at once", () => {
  // The lowest of the four nonces is in the request of the exchange that loses, or in the answer to it.
  for (const [loser, who, nonces] of [
    ["left", "left", { left: [0x00, 0xf0], right: [0x80, 0xf0] }],
    ["right", "right", { left: [0x80, 0xf0], right: [0x00, 0xf0] }],
    ["left", "left, by the answer to it,", { left: [0x90, 0xf0], right: [0x80, 0x00] }],
    ["right", "right, by the answer to it,", { left: [0x80, 0x00], right: [0x90, 0xf0] }],
  ] as const) {
    const winner: Side = loser === "left" ? "right" : "left";

    test(`collision: the ${who} has the lowest nonce and closes its own; the ${winner} closes the old one`, () => {
      const world = bothRekey(nonces);
      const offered = offeredSpi(world, winner);
      world.deliverFrom("left");
      world.deliverFrom("right");
      assertTraffic(world, "after the requests");
      world.deliverFrom("left");
      world.deliverFrom("right");
      assertTraffic(world, "after the answers");
      assert.deepEqual(
        world.wire.map(({ from, octets }) => [from, world.reader.describe(octets).replace(/ \d+/, "")]),
        [
          ["right", "INFORMATIONAL { D(1) }"],
          ["left", "INFORMATIONAL { D(1) }"],
        ],
        "each end closes one",
      );
      world.settle();
      world.run(20_000);
      assertTraffic(world, "in the end");
      assertReplaced(world);
      assert.equal(toHex(espSpiOctets(espSpi(spisIn(world, world.host(winner))[0] ?? 0))), offered, `the ${winner}'s stands`);
    });

    for (const first of ["left", "right"] as const) {
      test(`collision_delayed_response: the ${who} has the lowest nonce, and the ${first}'s answer comes late`, () => {
        const world = bothRekey(nonces);
        world.deliverFrom("left");
        world.deliverFrom("right");
        // Answers are on the wire now; one of them is held up until all else is done.
        const late = world.hold(first);
        world.settle();
        assertTraffic(world, "while the answer is on its way");
        world.arrive(late);
        world.settle();
        world.run(20_000);
        assertReplaced(world);
        assertTraffic(world, "in the end");
      });

      test(`collision_delayed_request: the ${who} has the lowest nonce, and the ${first}'s request comes when the other is done: TEMPORARY_FAILURE`, () => {
        const world = bothRekey(nonces);
        const late = world.hold(first);
        const other: Side = first === "left" ? "right" : "left";
        // The other's request and its answer.
        world.deliverFrom(other);
        world.deliverFrom(first);
        // The other end has rekeyed and is closing the old SA, when the late request comes.
        world.arrive(late);
        assert.ok(world.wire.some(({ octets }) => world.reader.describe(octets).includes("N(TEMPORARY_FAILURE)")));
        world.settle();
        world.run(20_000);
        assertReplaced(world);
        assertTraffic(world, "in the end");
      });

      test(`collision_delayed_request_more: the ${who} has the lowest nonce, and the ${first}'s request comes after the old SA is gone: CHILD_SA_NOT_FOUND`, () => {
        const world = bothRekey(nonces);
        const late = world.hold(first);
        world.settle();
        world.arrive(late);
        assert.ok(world.wire.some(({ octets }) => world.reader.describe(octets).includes("N(CHILD_SA_NOT_FOUND)")));
        world.settle();
        world.run(20_000);
        assertReplaced(world);
        assertTraffic(world, "in the end");
      });
    }
  }
});

describe("rekey and delete at once", () => {
  for (const rekeyer of ["left", "right"] as const) {
    const deleter: Side = rekeyer === "left" ? "right" : "left";

    test(`collision_delete: the ${rekeyer} rekeys what the ${deleter} closes: TEMPORARY_FAILURE, and it is gone`, () => {
      const world = establishedWorld();
      world.rekeyChild(world.host(rekeyer));
      world.closeChild(world.host(deleter));
      world.deliverFrom(rekeyer);
      assert.match(world.deliverFrom(deleter), /INFORMATIONAL 0|INFORMATIONAL 2/);
      const ladder = world.settle();
      assert.ok(ladder.some((line) => line.includes("N(TEMPORARY_FAILURE)")));
      world.run(20_000);
      assert.deepEqual(childStates(world), { left: [], right: [] });
      assertAgreement(world);
    });

    test(`collision_delete_drop_rekey: the ${deleter}'s Delete comes first: the answer to it is as usual, the rekey finds nothing`, () => {
      const world = establishedWorld();
      world.rekeyChild(world.host(rekeyer));
      const request = world.hold(rekeyer);
      world.closeChild(world.host(deleter));
      world.deliverFrom(deleter);
      assert.match(world.deliverFrom(rekeyer), /INFORMATIONAL \d R \{ D\(1\) \}/);
      world.arrive(request);
      assert.match(world.deliverFrom(deleter), /N\(CHILD_SA_NOT_FOUND\)/);
      world.settle();
      assert.deepEqual(childStates(world), { left: [], right: [] });
      assertAgreement(world);
    });

    test(`collision_ike_delete: the ${rekeyer} rekeys it while the ${deleter} closes the IKE SA: TEMPORARY_FAILURE, and all is gone`, () => {
      const world = establishedWorld();
      world.rekeyChild(world.host(rekeyer));
      world.closeIke(world.host(deleter));
      world.deliverFrom(rekeyer);
      assert.match(world.deliverFrom(deleter), /INFORMATIONAL \d \{ D\(IKE\) \}/);
      assert.match(world.describe(world.wire[0]!), /N\(TEMPORARY_FAILURE\)/);
      world.settle();
      world.run(20_000);
      assert.deepEqual(ikeStates(world), { left: [], right: [] });
      assert.deepEqual(childStates(world), { left: [], right: [] });
      assertAgreement(world);
    });

    test(`the ${deleter} closes the old SA while its answer to the rekey is on its way`, () => {
      const world = establishedWorld();
      world.rekeyChild(world.host(rekeyer));
      world.deliverFrom(rekeyer);
      const answer = world.hold(deleter);
      world.closeChild(world.host(deleter), 0);
      world.settle();
      world.arrive(answer);
      world.settle();
      world.run(20_000);
      assertAgreement(world);
      assert.equal(world.status(world.left).childSas.length, 1);
      assertTraffic(world, "in the end");
    });
  }
});
