/** Additional key exchanges of CREATE_CHILD_SA in IKE_FOLLOWUP_KE (RFC 9370 §2.2.4), and their collisions. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertAgreement, childStates, eventsOf, ikeStates } from "./harness/assertions.ts";
import { espProposals, ikeProposals, type Overrides } from "./harness/configs.ts";
import { establishedWorld, type World } from "./harness/world.ts";

const IKE = "aes128gcm16-prfsha256-x25519-ke1_mlkem512";
const ESP = "aes128gcm16-x25519-ke1_mlkem512-noesn";

function hybridWorld(esp = ESP, ike = IKE): World {
  const overrides: Overrides = { connection: { proposals: ikeProposals(ike) }, child: { espProposals: espProposals(esp) } };
  return establishedWorld({ left: overrides, right: overrides });
}

const REKEY_CHILD = "N(REKEY_SA), SA, NONCE, KE, TSi, TSr";
const CHILD_ANSWER = "SA, NONCE, KE, TSi, TSr, N(ADDITIONAL_KEY_EXCHANGE)";
const FOLLOWUP = "KE, N(ADDITIONAL_KEY_EXCHANGE)";

function assertTraffic(world: World): void {
  assertAgreement(world);
  assert.equal(world.pass(world.left, 0), undefined);
  assert.equal(world.pass(world.right, 0), undefined);
}

/** Both rekey at once; `winner` is the end whose rekey has no share in the lowest nonce. */
function collide(world: World, winner: "left" | "right", rekey: (host: World["left"]) => void): void {
  // Each end draws the nonce of its own request, then that of its answer to the other.
  world.left.nonceOctets.push(winner === "left" ? 0x80 : 0x00, 0xf0);
  world.right.nonceOctets.push(winner === "right" ? 0x80 : 0x00, 0xf0);
  rekey(world.left);
  rekey(world.right);
}

describe("a Child SA with additional key exchanges", () => {
  it("regular_multi_ke: is rekeyed in two exchanges", () => {
    const world = hybridWorld();
    world.rekeyChild(world.left);
    assert.deepEqual(world.settle(), [
      `CREATE_CHILD_SA 3 { ${REKEY_CHILD} } -->`,
      `<-- CREATE_CHILD_SA 3 R { ${CHILD_ANSWER} }`,
      `IKE_FOLLOWUP_KE 4 { ${FOLLOWUP} } -->`,
      "<-- IKE_FOLLOWUP_KE 4 R { KE }",
      "INFORMATIONAL 5 { D(1) } -->",
      "<-- INFORMATIONAL 5 R { D(1) }",
    ]);
    assertTraffic(world);
  });

  it("takes one exchange for each method, linked by what the responder says", () => {
    const world = hybridWorld("aes128gcm16-x25519-ke2_ecp256-ke1_mlkem512-ke5_ecp384-noesn");
    world.rekeyChild(world.right);
    const ladder = world.settle();
    assert.deepEqual(ladder.slice(2, 8), [
      `<-- IKE_FOLLOWUP_KE 1 { ${FOLLOWUP} }`,
      `IKE_FOLLOWUP_KE 1 R { ${FOLLOWUP} } -->`,
      `<-- IKE_FOLLOWUP_KE 2 { ${FOLLOWUP} }`,
      `IKE_FOLLOWUP_KE 2 R { ${FOLLOWUP} } -->`,
      `<-- IKE_FOLLOWUP_KE 3 { ${FOLLOWUP} }`,
      "IKE_FOLLOWUP_KE 3 R { KE } -->",
    ]);
    assertTraffic(world);
  });

  it("is not there before the last of them, and never if it does not come", () => {
    const world = hybridWorld();
    world.rekeyChild(world.left);
    world.deliver();
    assert.equal(world.right.dataPlane.inbound.size, 1);
    world.advance(31_000);
    world.wire.length = 0;
    world.run(200_000);
    assertTraffic(world);
  });

  it("whose exchange the responder has forgotten is made anew (STATE_NOT_FOUND)", () => {
    const world = hybridWorld();
    world.rekeyChild(world.left);
    world.deliver();
    world.deliver();
    const followup = world.hold();
    // The responder's patience, but not the initiator's.
    world.advance(29_000);
    world.wire.length = 0;
    world.advance(1_500);
    world.wire.length = 0;
    world.arrive(followup);
    assert.equal(world.deliver(), "<-- IKE_FOLLOWUP_KE 4 R { N(STATE_NOT_FOUND) }");
    assert.deepEqual(childStates(world).left, ["INSTALLED"]);
    world.run(5_000);
    assertTraffic(world);
  });

  it("gets the answer again when that was lost", () => {
    const world = hybridWorld();
    world.rekeyChild(world.left);
    for (let step = 0; step < 3; step++) world.deliver();
    world.lose();
    world.run(5_000);
    assertTraffic(world);
    assert.equal(world.status(world.right).counters.retransmitsIn, 1);
  });
});

describe("both ends rekey the same Child SA", () => {
  for (const winner of ["left", "right"] as const) {
    it(`collision_multi_ke: and CREATE_CHILD_SA decides: the ${winner}'s goes on, the other stops`, () => {
      const world = hybridWorld();
      collide(world, winner, (host) => world.rekeyChild(host));
      const ladder = world.settle();
      assert.equal(ladder.filter((line) => line.includes(`IKE_FOLLOWUP_KE`)).length, 2, "one follow-up and its answer");
      const [arrow] = ladder.filter((line) => line.includes("IKE_FOLLOWUP_KE"));
      assert.equal(arrow?.startsWith("<--"), winner === "right");
      assertTraffic(world);
      assert.equal(childStates(world).left.length, 1);
    });
  }

  it("collision_delayed_request_multi_ke: and a request that comes while the follow-up is under way is put off", () => {
    const world = hybridWorld();
    world.rekeyChild(world.left);
    world.rekeyChild(world.right);
    const late = world.hold("right");
    world.deliver();
    world.deliver();
    world.arrive(late);
    assert.ok(world.settle().includes("CREATE_CHILD_SA 0 R { N(TEMPORARY_FAILURE) } -->"));
    world.run(10_000);
    assertTraffic(world);
  });

  it("and the one that has won does not complete: the other tries again", () => {
    const world = hybridWorld();
    collide(world, "left", (host) => world.rekeyChild(host));
    for (let step = 0; step < 4; step++) world.deliver();
    // The left's follow-up is lost until the right has lost patience.
    for (let second = 0; second < 31; second++) {
      world.wire.length = 0;
      world.advance(1_000);
    }
    const [refusal] = eventsOf(world.right, "peerRefused");
    assert.equal(refusal?.notify, "TEMPORARY_FAILURE");
    world.run(60_000);
    assertTraffic(world);
    assert.equal(childStates(world).left.length, 1);
  });
});

describe("an IKE SA with additional key exchanges", () => {
  it("regular_multi_ke: is rekeyed in two exchanges, and the new one works", () => {
    const world = hybridWorld();
    world.rekeyIke(world.right);
    assert.deepEqual(world.settle(), [
      "<-- CREATE_CHILD_SA 0 { SA, NONCE, KE }",
      "CREATE_CHILD_SA 0 R { SA, NONCE, KE, N(ADDITIONAL_KEY_EXCHANGE) } -->",
      `<-- IKE_FOLLOWUP_KE 1 { ${FOLLOWUP} }`,
      "IKE_FOLLOWUP_KE 1 R { KE } -->",
      "<-- INFORMATIONAL 0 { N(SET_WINDOW_SIZE) }",
      "<-- INFORMATIONAL 2 { D(IKE) }",
      "INFORMATIONAL 0 R { N(SET_WINDOW_SIZE) } -->",
      "INFORMATIONAL 2 R { } -->",
    ]);
    assertTraffic(world);
    world.rekeyChild(world.left);
    world.settle();
    assertTraffic(world);
  });

  for (const winner of ["left", "right"] as const) {
    it(`collision_multi_ke: and is rekeyed by both: the ${winner}'s goes on, the other stops`, () => {
      const world = hybridWorld();
      collide(world, winner, (host) => world.rekeyIke(host));
      const ladder = world.settle();
      const followups = ladder.filter((line) => line.includes("IKE_FOLLOWUP_KE"));
      assert.equal(followups.length, 2);
      assert.equal(followups[0]?.startsWith("<--"), winner === "right");
      assertTraffic(world);
      assert.deepEqual(ikeStates(world).left, ["ESTABLISHED"]);
    });
  }

  it("that is being rekeyed by the peer begins nothing about Child SAs until that is done", () => {
    const world = hybridWorld();
    world.rekeyIke(world.right);
    world.deliver();
    world.rekeyChild(world.left);
    assert.equal(world.wire.filter(({ from }) => from === "left").length, 1, "nothing but the answer");
    world.settle();
    assertTraffic(world);
  });

  it("stays when the peer does not complete its rekey, and is rekeyed after that by either end", () => {
    for (const side of ["left", "right"] as const) {
      const world = hybridWorld();
      world.rekeyIke(world.right);
      world.deliver();
      // The right end's follow-up never comes, until the left end has lost patience.
      for (let second = 1; second <= 30; second++) {
        world.wire.length = 0;
        world.advance(1_000);
        assert.deepEqual(ikeStates(world).left, ["ESTABLISHED"], `after ${second} s`);
        // So long, nothing is begun that the successor would have to take over.
        if (second !== 28) continue;
        world.rekeyChild(world.left);
        assert.equal(world.wire.filter(({ from }) => from === "left").length, 0, "what concerns Child SAs waits");
      }
      assert.ok(
        world.wire.some(({ from, octets }) => from === "left" && world.reader.describe(octets).includes("N(REKEY_SA)")),
        "what has waited begins",
      );
      world.run(60_000);
      assertTraffic(world);
      const [old] = world.status(world.left).ikeSas;
      world.rekeyIke(world.host(side));
      world.settle();
      assertTraffic(world);
      assert.notEqual(world.status(world.left).ikeSas[0]?.id, old?.id);
      assert.deepEqual(ikeStates(world), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
    }
  });
});
