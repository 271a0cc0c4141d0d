/**
 * Rekeys of Child SAs in which one end does not do what the other expects (RFC 7296 §2.8.1, §2.25.1): late, never, or wrong. A case that
 * strongSwan's suite test_child_rekey has too begins with the name that it has there.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { espSpiOctets } from "../../src/ike/esp-spi.ts";
import { espSpi } from "../../src/ipsec/names.ts";
import { ExchangeType, ProtocolId } from "../../src/wire/iana/index.ts";
import { assertAgreement, childStates, eventsOf } from "./harness/assertions.ts";
import { espProposals } from "./harness/configs.ts";
import { forgerIn, type Forger } from "./harness/forger.ts";
import { establishedWorld, World } from "./harness/world.ts";

/** The left end has rekeyed; its Delete of the old SA has been lost, again and again. */
function rekeyedWithoutDelete(): { readonly world: World; readonly old: number } {
  const world = establishedWorld();
  const [old] = world.status(world.right).childSas;
  assert.ok(old !== undefined);
  world.rekeyChild(world.left);
  world.deliver();
  world.deliver();
  assert.equal(world.lose("left"), "INFORMATIONAL 3 { D(1) } -->");
  assert.deepEqual(childStates(world), { left: ["DELETING", "INSTALLED"], right: ["REKEYED", "INSTALLED"] });
  return { world, old: old.id };
}

const expire = (world: World, id: number, hard: boolean): void => {
  const child = world.status(world.right).childSas.find((each) => each.id === id);
  assert.ok(child !== undefined);
  const event = { verb: "expire", id: child.id, hard, direction: "in", why: "packets" } as const;
  world.act(world.right, (endpoint) => endpoint.handleSadbEvent(event, world.now));
};

describe("the responder has an old SA that is replaced and not yet closed", () => {
  test("regular_responder_ignore_soft_expire: its soft limit says nothing new: it is not rekeyed again", () => {
    const { world, old } = rekeyedWithoutDelete();
    expire(world, old, false);
    assert.equal(world.wire.length, 0);
    world.run(60_000);
    assertAgreement(world);
    assert.equal(world.status(world.left).childSas.length, 1);
  });

  test("regular_responder_handle_hard_expire: its hard limit closes it, while the other end's Delete is on its way again", () => {
    const { world, old } = rekeyedWithoutDelete();
    expire(world, old, true);
    assert.match(world.deliverFrom("right"), /INFORMATIONAL 0 \{ D\(1\) \}/);
    world.run(60_000);
    assertAgreement(world);
    assert.equal(world.status(world.left).childSas.length, 1);
    for (const host of world.hosts) assert.equal(world.pass(host, 0), undefined);
  });
});

test("collision_ke_invalid: both ends at once, and both guess the key exchange wrong: one SA is left, with the one that both know", () => {
  const child = (...methods: string[]): { child: { espProposals: ReturnType<typeof espProposals> } } => ({
    child: { espProposals: espProposals(`aes128gcm16-${methods.join("-")}-noesn`) },
  });
  const world = establishedWorld({ left: child("x25519", "ecp256"), right: child("ecp384", "ecp256") });
  world.rekeyChild(world.left);
  world.rekeyChild(world.right);
  const ladder = [world.deliverFrom("left"), world.deliverFrom("right"), world.deliverFrom("left"), world.deliverFrom("right")];
  assert.equal(ladder.filter((line) => line.includes("N(INVALID_KE_PAYLOAD)")).length, 2);
  world.run(60_000);
  assertAgreement(world);
  assert.deepEqual(
    world.status(world.left).childSas.map(({ pfs }) => pfs),
    ["ECP_256"],
  );
  for (const host of world.hosts) assert.equal(world.pass(host, 0), undefined);
});

test("regular_responder_incorrect_delete: the responder closes the old SA itself, before its answer comes: the new one is in use", () => {
  const world = new World();
  const forger = forgerIn(world);
  world.initiate();
  world.settle();
  const [old] = world.status(world.right).childSas;
  assert.ok(old !== undefined);
  world.rekeyChild(world.left);
  world.deliver();
  const answer = world.hold("right");
  // <-- INFORMATIONAL { D }, which is for the initiator of the rekey to send
  const deletion = forger.fromResponder({
    exchangeType: ExchangeType.INFORMATIONAL,
    messageId: 0,
    payloads: [{ type: "DELETE", protocolId: ProtocolId.ESP, spiSize: 4, spis: [espSpiOctets(old.spiIn)] }],
  });
  world.arrive({ ...answer, octets: deletion });
  assert.match(world.lose("left"), /INFORMATIONAL 0 R/);
  // <-- CREATE_CHILD_SA { SA, Nr, TSi, TSr } (late)
  world.arrive(answer);
  assert.deepEqual(childStates(world).left.at(-1), "INSTALLED");
  const [successor] = world.status(world.left).childSas.filter(({ state }) => state === "INSTALLED");
  assert.notEqual(successor?.spiOut, old.spiIn);
  const sent = world.send(world.left, 0);
  assert.ok(sent.kind === "sealed");
  assert.equal(world.receive(world.right, sent.packet), undefined);
});

/** Both ends have rekeyed at once, and the right end, which we speak for from now on, is to close its own: it has the lowest nonce. */
function redundantAtTheRight(): { readonly world: World; readonly forger: Forger } {
  const world = new World();
  const forger = forgerIn(world);
  world.initiate();
  world.settle();
  world.left.nonceOctets.push(0x80, 0xf0);
  world.right.nonceOctets.push(0x00, 0xf0);
  world.rekeyChild(world.left);
  world.rekeyChild(world.right);
  for (const side of ["left", "right", "left", "right"] as const) world.deliverFrom(side);
  return { world, forger };
}

test("the loser of a collision closes the wrong one, the SA that should stand: the other is in use, and packets arrive", () => {
  const { world, forger } = redundantAtTheRight();
  const [standing] = world
    .status(world.left)
    .childSas.filter(({ state }) => state === "INSTALLED")
    .slice(-1);
  assert.ok(standing !== undefined);
  const template = world.hold("right");
  world.wire.length = 0;
  const deletion = forger.fromResponder({
    exchangeType: ExchangeType.INFORMATIONAL,
    messageId: 1,
    payloads: [{ type: "DELETE", protocolId: ProtocolId.ESP, spiSize: 4, spis: [espSpiOctets(espSpi(standing.spiOut))] }],
  });
  world.arrive({ ...template, octets: deletion });
  assert.equal(world.wire.length, 1, "it is answered");
  assert.match(world.lose(), /INFORMATIONAL 1 R \{ D\(1\) \}/);
  const left = world.status(world.left).childSas.filter(({ state }) => state === "INSTALLED");
  assert.equal(left.length, 1);
  const sent = world.send(world.left, 0);
  assert.equal(sent.kind, "sealed");
  assert.equal(eventsOf(world.left, "ikeDown").length, 0);
});
