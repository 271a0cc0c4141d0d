/** IKE fragmentation between two endpoints (RFC 7383). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePrefix, type TrafficSelector } from "../../src/wire/traffic-selector.ts";
import { assertAgreement } from "./harness/assertions.ts";
import { LEFT_NET, RIGHT_NET, type Overrides, type Side } from "./harness/configs.ts";
import { datagramSize, World } from "./harness/world.ts";

/** Parts of a net that do not touch, so many that IKE_AUTH and its answer are longer than 1280 octets. */
function manySelectors(net: string): TrafficSelector[] {
  const [prefix = ""] = net.split(".0.0/16");
  return Array.from({ length: 60 }, (_, index) => parsePrefix(`${prefix}.${2 * index}.0/24`));
}

function large(side: Side, more: Overrides = {}): Overrides {
  const [own, other] = side === "left" ? [LEFT_NET, RIGHT_NET] : [RIGHT_NET, LEFT_NET];
  return { ...more, child: { localTs: manySelectors(own), remoteTs: manySelectors(other), ...more.child } };
}

const largeWorld = (left: Overrides = {}, right: Overrides = {}): World =>
  new World({ left: large("left", left), right: large("right", right) });

const drops = (world: World, side: Side, reason: string): number => world.status(world.host(side)).counters.drops[reason] ?? 0;

describe("a message that is too long for a datagram", () => {
  it("goes in fragments, which all fit, and the answer too", () => {
    const world = largeWorld();
    const sizes: number[] = [];
    const ladder: string[] = [];
    world.initiate();
    while (world.wire.length > 0) {
      const datagram = world.wire[0];
      if (datagram !== undefined) sizes.push(datagramSize(datagram));
      ladder.push(world.deliver());
    }
    assert.deepEqual(ladder.slice(2), [
      "IKE_AUTH 1 { SKF(1/2) } -->",
      "IKE_AUTH 1 { SKF(2/2) } -->",
      "<-- IKE_AUTH 1 R { SKF(1/2) }",
      "<-- IKE_AUTH 1 R { SKF(2/2) }",
    ]);
    assert.ok(sizes.every((size) => size <= 1280));
    assert.equal(sizes[2], 1280, "and the first is full");
    assertAgreement(world);
    const { fragmentsIn, fragmentsOut, messagesOut } = world.status(world.left).counters;
    assert.deepEqual({ fragmentsIn, fragmentsOut, messagesOut }, { fragmentsIn: 2, fragmentsOut: 2, messagesOut: 2 });
  });

  it("is repeated in all its fragments, and each fragment is needed once only", () => {
    const world = largeWorld();
    world.initiate();
    world.deliver();
    world.deliver();
    assert.equal(world.deliver(), "IKE_AUTH 1 { SKF(1/2) } -->");
    world.lose();
    world.advance(2000);
    assert.equal(world.deliver(), "IKE_AUTH 1 { SKF(1/2) } -->");
    assert.equal(drops(world, "right", "fragmentRepeated"), 1);
    assert.equal(world.deliver(), "IKE_AUTH 1 { SKF(2/2) } -->");
    world.settle();
    assertAgreement(world);
  });

  it("comes in any order", () => {
    const world = largeWorld();
    world.initiate();
    world.deliver();
    world.deliver();
    const first = world.hold();
    world.deliver();
    world.arrive(first);
    world.settle();
    assertAgreement(world);
  });

  it("that is answered already gets its answer once more for its first fragment alone (§2.6.1)", () => {
    const world = largeWorld();
    world.initiate();
    world.deliver();
    world.deliver();
    const [first, second] = [world.hold(), world.hold()];
    world.arrive(first);
    world.arrive(second);
    const answer = [world.lose(), world.lose()];
    world.arrive(second);
    assert.equal(world.wire.length, 0, "the second asks for nothing");
    assert.equal(drops(world, "right", "fragmentRepeated"), 1);
    world.arrive(first);
    assert.deepEqual([world.deliver(), world.deliver()], answer);
    assertAgreement(world);
    assert.equal(world.status(world.right).counters.retransmitsIn, 1);
  });

  it("fits when the size is larger, and goes in more fragments when it is smaller", () => {
    const world = largeWorld({ endpoint: { fragmentSize: 4000 } }, { endpoint: { fragmentSize: 576 } });
    world.initiate();
    const ladder = world.settle();
    assert.match(ladder[2] ?? "", /^IKE_AUTH 1 \{ IDi/);
    assert.equal(ladder.at(-1), "<-- IKE_AUTH 1 R { SKF(5/5) }");
    assertAgreement(world);
  });

  it("is refused as a whole when what is inside is refused", () => {
    const world = largeWorld({ secret: "one" }, { secret: "another" });
    world.initiate();
    assert.equal(world.settle().at(-1), "<-- IKE_AUTH 1 R { N(AUTHENTICATION_FAILED) }");
  });

  it("that ended an IKE SA is still answered when it is repeated", () => {
    const world = largeWorld({ secret: "one" }, { secret: "another" });
    world.initiate();
    world.deliver();
    world.deliver();
    const [first, second] = [world.hold(), world.hold()];
    world.arrive(first);
    world.arrive(second);
    const answer = world.lose();
    assert.equal(world.status(world.right).ikeSas.length, 0);
    world.arrive(first);
    assert.equal(world.deliver(), answer);
  });
});

describe("agreeing on fragmentation", () => {
  it("takes both ends; without it long messages stay whole and fragments are dropped", () => {
    const world = largeWorld({}, { connection: { fragmentation: "no" } });
    world.initiate();
    const ladder = world.settle();
    assert.match(ladder[0] ?? "", /N\(IKEV2_FRAGMENTATION_SUPPORTED\)/);
    assert.doesNotMatch(ladder[1] ?? "", /FRAGMENTATION/);
    assert.match(ladder[2] ?? "", /^IKE_AUTH 1 \{ IDi/);
    assertAgreement(world);
  });

  it("accept: the peer's are put together, our own messages stay whole", () => {
    const world = largeWorld({}, { connection: { fragmentation: "accept" } });
    world.initiate();
    const ladder = world.settle();
    assert.equal(ladder[3], "IKE_AUTH 1 { SKF(2/2) } -->");
    assert.match(ladder[4] ?? "", /^<-- IKE_AUTH 1 R \{ IDr/);
    assertAgreement(world);
  });

  it("holds for the IKE SA that follows too", () => {
    const world = largeWorld();
    world.initiate();
    world.settle();
    world.rekeyIke(world.right);
    world.settle();
    world.rekeyChild(world.left);
    const ladder = world.settle();
    assert.equal(ladder[0], "CREATE_CHILD_SA 0 { SKF(1/2) } -->");
    assertAgreement(world);
  });
});

describe("fragments that nobody sent", () => {
  it("are dropped before anything is kept of them: the set of a forger does not take the peer's place", () => {
    const world = largeWorld();
    world.initiate();
    world.deliver();
    world.deliver();
    const [first, second] = [world.hold(), world.hold()];
    const forged = { ...first, octets: first.octets.slice() };
    // Total Fragments, behind the two headers and Fragment Number.
    forged.octets[35] = 9;
    world.arrive(forged);
    assert.equal(drops(world, "right", "integrity"), 1);
    world.arrive(first);
    world.arrive(second);
    world.settle();
    assertAgreement(world);
  });

  it("for a message that nobody waits for are not decrypted", () => {
    const world = largeWorld();
    world.initiate();
    world.deliver();
    world.deliver();
    const first = world.hold();
    // Beyond any window; and within the one that there will be, but before the peer has authenticated itself (RFC 7296 §2.3).
    for (const messageId of [200, 2]) {
      const later = { ...first, octets: first.octets.slice() };
      later.octets[23] = messageId;
      world.arrive(later);
    }
    assert.equal(drops(world, "right", "outsideWindow"), 2);
    assert.equal(drops(world, "right", "integrity"), 0);
  });
});
