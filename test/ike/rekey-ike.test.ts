/**
 * Rekeying the IKE SA (RFC 7296 §1.3.2, §2.18), alone and in collision with everything else (§2.8.2, §2.25.2). A case that strongSwan's suites
 * test_ike_rekey, test_child_rekey and test_child_delete have too begins with the name that it has there.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertAgreement, childStates, eventsOf, ikeStates } from "./harness/assertions.ts";
import { ikeProposals, type Side } from "./harness/configs.ts";
import { offeredSpi } from "./harness/offered-spi.ts";
import { establishedWorld, type World } from "./harness/world.ts";

function assertTraffic(world: World, when: string): void {
  for (const host of world.hosts) assert.equal(world.pass(host, 0), undefined, `a packet from the ${host.side} ${when}`);
}

/** One IKE SA and one Child SA, now and later, in the same opinion of both ends. */
function assertWell(world: World): void {
  world.settle();
  world.run(100_000);
  assertAgreement(world);
  assert.equal(world.status(world.left).ikeSas.length, 1);
  assert.equal(world.status(world.left).childSas.length, 1);
  assertTraffic(world, "in the end");
  // It does work: a Child SA is rekeyed on it, from either end.
  for (const host of world.hosts) {
    world.rekeyChild(host);
    world.settle();
    assertAgreement(world);
  }
}

describe("regular", () => {
  test("regular: the Child SAs move, the old IKE SA is closed, and the window is wide again", () => {
    const world = establishedWorld();
    const [child] = world.status(world.left).childSas;
    world.rekeyIke(world.left);
    assert.deepEqual(ikeStates(world), { left: ["REKEYING"], right: ["ESTABLISHED"] });

    // CREATE_CHILD_SA { SA, Ni, KEi } -->
    assert.equal(world.deliver(), "CREATE_CHILD_SA 2 { SA, NONCE, KE } -->");
    assert.deepEqual(ikeStates(world), { left: ["REKEYING"], right: ["REKEYED", "ESTABLISHED"] });

    // <-- CREATE_CHILD_SA { SA, Nr, KEr }
    assert.equal(world.deliver(), "<-- CREATE_CHILD_SA 2 R { SA, NONCE, KE }");
    assert.deepEqual(ikeStates(world), { left: ["DELETING", "ESTABLISHED"], right: ["REKEYED", "ESTABLISHED"] });

    // The new one's window, and the old one's end.
    assert.deepEqual(world.settle(), [
      "INFORMATIONAL 0 { N(SET_WINDOW_SIZE) } -->",
      "INFORMATIONAL 3 { D(IKE) } -->",
      "<-- INFORMATIONAL 0 R { N(SET_WINDOW_SIZE) }",
      "<-- INFORMATIONAL 3 R { }",
    ]);
    assertAgreement(world);
    for (const host of world.hosts) {
      const { ikeSas, childSas } = world.status(host);
      assert.equal(ikeSas.length, 1);
      assert.equal(childSas[0]?.ikeSa, ikeSas[0]?.id);
      assert.equal(ikeSas[0]?.window.peers, 16);
      assert.equal(eventsOf(host, "ikeRekeyed").length, 1);
      assert.equal(eventsOf(host, "ikeDown").length, 0, "nothing has gone down");
      assert.equal(eventsOf(host, "childDown").length, 0);
    }
    assert.equal(world.status(world.left).childSas[0]?.spiIn, child?.spiIn);
    assertWell(world);
  });

  for (const side of ["left", "right"] as const) {
    test(`regular: again and again, by the ${side}, with Child SA rekeys between`, () => {
      const world = establishedWorld();
      for (let round = 0; round < 4; round++) {
        world.rekeyIke(world.host(side));
        world.settle();
        assertAgreement(world);
        world.rekeyChild(world.host(round % 2 === 0 ? "left" : "right"));
        world.settle();
        assertAgreement(world);
      }
      assertWell(world);
    });
  }

  test("regular_ke_invalid: with another key exchange than the first of the proposals", () => {
    const world = establishedWorld({
      left: { connection: { proposals: ikeProposals("aes128gcm16-prfsha256-x25519-ecp256") } },
      right: { connection: { proposals: ikeProposals("aes128gcm16-prfsha256-ecp256") } },
    });
    world.rekeyIke(world.left);
    assert.equal(world.settle()[1], "<-- CREATE_CHILD_SA 2 R { N(INVALID_KE_PAYLOAD) }");
    assertWell(world);
  });

  for (const lost of [0, 1, 2, 3, 4, 5]) {
    test(`message ${lost} is lost`, () => {
      const world = establishedWorld();
      world.rekeyIke(world.left);
      for (let index = 0; index < lost; index++) world.deliver();
      world.lose();
      assertWell(world);
    });
  }

  test("by time, at both ends, with Child SAs that are rekeyed too", () => {
    const overrides = { connection: { rekeyTime: 10_000, overTime: 2000 }, child: { rekeyTime: 3000, lifeTime: 5000 } };
    const world = establishedWorld({ left: overrides, right: overrides });
    for (let step = 0; step < 1000; step++) {
      world.run(100);
      assertTraffic(world, `at ${step * 100} ms`);
    }
    assert.ok(eventsOf(world.left, "ikeRekeyed").length >= 9);
    assert.equal(eventsOf(world.left, "ikeDown").length, 0);
  });

  test("one that cannot be rekeyed in time is closed", () => {
    const world = establishedWorld({
      left: {
        connection: {
          proposals: ikeProposals("aes128gcm16-prfsha256-x25519", "aes256gcm16-prfsha256-ecp256"),
          rekeyTime: 10_000,
          overTime: 3000,
        },
      },
    });
    /** Requests to rekey never arrive. */
    const lose = (): void => {
      for (let index = world.wire.length - 1; index >= 0; index--) {
        if (world.describe(world.wire[index]!).includes("CREATE_CHILD_SA")) world.wire.splice(index, 1);
      }
    };
    for (let second = 0; second < 12; second++) {
      world.advance(1000);
      lose();
    }
    // rekey_time and over_time after it was made, and not before.
    world.advance(999);
    lose();
    assert.deepEqual(ikeStates(world).left, ["REKEYING"]);
    assert.equal(eventsOf(world.left, "ikeDown").length, 0);
    world.advance(1);
    assert.deepEqual(ikeStates(world).left, ["DELETING"]);
    // The Delete goes when the rekey is answered at last, and the successor goes too.
    world.run(60_000);
    assert.deepEqual(ikeStates(world), { left: [], right: [] });
    assert.deepEqual(
      eventsOf(world.left, "ikeDown").map(({ why }) => why),
      ["it could not be rekeyed in time"],
    );
  });
});

function bothRekey(nonces: Record<Side, readonly [request: number, answer: number]>): World {
  const world = establishedWorld();
  for (const host of world.hosts) {
    const [request, answer] = nonces[host.side];
    // The key exchange of the request draws as many octets between the two.
    host.nonceOctets.push(request, 0xff, answer);
  }
  world.rekeyIke(world.left);
  world.rekeyIke(world.right);
  return world;
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
      assert.deepEqual(ikeStates(world), { left: ["REKEYING", "PENDING"], right: ["REKEYING", "PENDING"] });
      world.deliverFrom("left");
      world.deliverFrom("right");
      const states = ikeStates(world);
      assert.deepEqual([...states[loser]].sort(), ["DELETING", "ESTABLISHED", "REKEYED"]);
      assert.deepEqual([...states[winner]].sort(), ["DELETING", "ESTABLISHED", "PENDING"]);
      assertTraffic(world, "after the answers");
      assertWell(world);
      for (const host of world.hosts) assert.equal(world.status(host).ikeSas[0]?.initiatorSpi, offered, `the ${winner}'s stands`);
    });

    for (const first of ["left", "right"] as const) {
      const other: Side = first === "left" ? "right" : "left";

      test(`collision_delayed_response: the ${who} has the lowest nonce, and the ${first}'s answer comes late`, () => {
        const world = bothRekey(nonces);
        world.deliverFrom("left");
        world.deliverFrom("right");
        const late = world.hold(first);
        world.settle();
        assertTraffic(world, "while the answer is on its way");
        world.arrive(late);
        assertWell(world);
      });

      test(`the ${who} has the lowest nonce, and the ${first}'s answer is lost`, () => {
        const world = bothRekey(nonces);
        world.deliverFrom("left");
        world.deliverFrom("right");
        world.lose(first);
        assertWell(world);
      });

      test(`collision_dropped_request: the ${who} has the lowest nonce, and the ${first}'s request is lost: the other's stands`, () => {
        const world = bothRekey(nonces);
        world.lose(first);
        assertWell(world);
        for (const host of world.hosts) assert.equal(eventsOf(host, "ikeRekeyed").length, 1);
      });

      test(`collision_delayed_request: the ${who} has the lowest nonce, and the ${first}'s request comes when the other is done: TEMPORARY_FAILURE`, () => {
        const world = bothRekey(nonces);
        const late = world.hold(first);
        world.deliverFrom(other);
        world.deliverFrom(first);
        world.arrive(late);
        assert.ok(world.wire.some(({ octets }) => world.reader.describe(octets).includes("N(TEMPORARY_FAILURE)")));
        assertWell(world);
      });

      test(`collision_delayed_request_and_delete: the ${who} has the lowest nonce, and the ${first}'s request comes after the old IKE SA is gone`, () => {
        const world = bothRekey(nonces);
        const late = world.hold(first);
        world.settle();
        world.arrive(late);
        assertWell(world);
      });
    }
  }
});

describe("both ends at once, and the one that stands is used before both ends know", () => {
  const nonces = { left: [0x00, 0xf0], right: [0x80, 0xf0] } as const;

  test("a Delete of a Child SA comes on it: the Child SA is there, and goes at both ends", () => {
    const world = bothRekey(nonces);
    world.closeChild(world.right);
    world.deliverFrom("left");
    world.deliverFrom("right");
    const late = world.hold("right");
    world.deliverFrom("left");
    assert.deepEqual(ikeStates(world).left, ["REKEYING", "PENDING"]);
    // The Delete that has waited; that of the old IKE SA, which would tell the left end too, comes after it.
    assert.equal(world.deliverFrom("right"), "<-- INFORMATIONAL 0 { D(1) }");
    assert.deepEqual(ikeStates(world).left, ["REKEYED", "ESTABLISHED"]);
    world.arrive(late);
    world.settle();
    world.run(100_000);
    assertAgreement(world);
    assert.deepEqual(childStates(world), { left: [], right: [] });
    assert.equal(world.status(world.left).ikeSas.length, 1);
  });

  test("it is closed on command by the end whose own is redundant: nothing is left at either", () => {
    const world = bothRekey(nonces);
    world.deliverFrom("left");
    world.deliverFrom("right");
    const late = world.hold("right");
    world.deliverFrom("left");
    const pending = world.status(world.left).ikeSas.find(({ state }) => state === "PENDING");
    assert.ok(pending !== undefined);
    world.command(world.left, { verb: "terminate", target: { ikeSa: pending.id } });
    assert.equal(world.deliverFrom("left"), "INFORMATIONAL 0 { D(IKE) } -->");
    world.arrive(late);
    world.settle();
    world.run(100_000);
    assert.deepEqual(ikeStates(world), { left: [], right: [] });
    assertAgreement(world);
  });
});

describe("in collision with Child SAs", () => {
  test("collision_ike_rekey: a Child SA is being rekeyed by the other end: TEMPORARY_FAILURE both ways, and both try again", () => {
    const world = establishedWorld();
    world.rekeyIke(world.left);
    world.rekeyChild(world.right);
    const ladder = world.settle();
    assert.equal(ladder.filter((line) => line.includes("N(TEMPORARY_FAILURE)")).length, 2);
    assertWell(world);
    assert.ok(eventsOf(world.left, "ikeRekeyed").length >= 1);
    assert.ok(eventsOf(world.left, "childRekeyed").length >= 1);
  });

  test("a Child SA is being rekeyed by the same end: the IKE SA waits its turn", () => {
    const world = establishedWorld();
    world.rekeyChild(world.left);
    world.rekeyIke(world.left);
    assert.equal(world.wire.length, 1);
    const ladder = world.settle();
    assert.deepEqual(
      ladder.filter((line) => line.endsWith("-->")).map((line) => line.replace(/^(\w+) \d+ \{ (\S+?),? .*$/, "$1 $2")),
      [
        "CREATE_CHILD_SA N(REKEY_SA)",
        "INFORMATIONAL D(1)",
        "CREATE_CHILD_SA SA",
        "INFORMATIONAL N(SET_WINDOW_SIZE)",
        "INFORMATIONAL D(IKE)",
      ],
    );
    assertWell(world);
  });

  test("a Child SA's rekey that waited goes over to the new IKE SA", () => {
    const world = establishedWorld();
    world.rekeyIke(world.left);
    world.rekeyChild(world.left);
    assert.deepEqual(childStates(world).left, ["INSTALLED"]);
    world.settle();
    assert.equal(eventsOf(world.left, "childRekeyed").length, 1);
    assertWell(world);
  });

  test("collision_ike_rekey: a Child SA is being closed by the other end: its Delete is answered as usual, the rekey waits", () => {
    const world = establishedWorld();
    world.rekeyIke(world.left);
    world.closeChild(world.right);
    const ladder = world.settle();
    assert.ok(ladder.includes("INFORMATIONAL 0 R { D(1) } -->"));
    assert.ok(ladder.includes("<-- CREATE_CHILD_SA 2 R { N(TEMPORARY_FAILURE) }"));
    world.run(20_000);
    assertAgreement(world);
    assert.deepEqual(childStates(world), { left: [], right: [] });
    assert.equal(eventsOf(world.left, "ikeRekeyed").length, 1);
  });
});

describe("in collision with the end of the IKE SA", () => {
  for (const rekeyer of ["left", "right"] as const) {
    const deleter: Side = rekeyer === "left" ? "right" : "left";

    test(`collision_delete: the ${rekeyer} rekeys what the ${deleter} closes: the Delete is answered, the rekey forgotten`, () => {
      const world = establishedWorld();
      world.rekeyIke(world.host(rekeyer));
      world.closeIke(world.host(deleter));
      world.settle();
      world.run(60_000);
      assert.deepEqual(ikeStates(world), { left: [], right: [] });
      assertAgreement(world);
    });

    test(`collision_delete_drop_delete: the ${deleter} is closing it when the ${rekeyer}'s rekey comes: TEMPORARY_FAILURE`, () => {
      const world = establishedWorld();
      world.closeIke(world.host(deleter));
      const deletion = world.hold(deleter);
      world.rekeyIke(world.host(rekeyer));
      world.deliverFrom(rekeyer);
      assert.match(world.deliverFrom(deleter), /N\(TEMPORARY_FAILURE\)/);
      world.arrive(deletion);
      world.settle();
      world.run(60_000);
      assert.deepEqual(ikeStates(world), { left: [], right: [] });
    });

    test(`the ${rekeyer} closes it while its own rekey is outstanding: the successor goes as well`, () => {
      const world = establishedWorld();
      world.rekeyIke(world.host(rekeyer));
      world.closeIke(world.host(rekeyer));
      world.settle();
      world.run(60_000);
      assert.deepEqual(ikeStates(world), { left: [], right: [] });
      assert.deepEqual(childStates(world), { left: [], right: [] });
    });
  }
});
