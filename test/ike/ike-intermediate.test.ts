/** IKE_INTERMEDIATE (RFC 9242) with additional key exchanges (RFC 9370 §2.2.2) between two endpoints. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertAgreement, eventsOf } from "./harness/assertions.ts";
import { ikeProposals, type Overrides } from "./harness/configs.ts";
import { World } from "./harness/world.ts";

const BASE = "aes256gcm16-prfsha384-x25519";

const withProposals = (...texts: string[]): Overrides => ({ connection: { proposals: ikeProposals(...texts) } });

function hybridWorld(left = `${BASE}-ke1_mlkem768`, right = left): World {
  const world = new World({ left: withProposals(left), right: withProposals(right) });
  world.initiate();
  return world;
}

const INIT =
  "SA, KE, NONCE, N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP), N(IKEV2_FRAGMENTATION_SUPPORTED), N(INTERMEDIATE_EXCHANGE_SUPPORTED)";

describe("additional key exchanges before IKE_AUTH", () => {
  it("take one IKE_INTERMEDIATE each, and IKE_AUTH goes under the keys of the last", () => {
    const world = hybridWorld(`${BASE}-ke1_mlkem512-ke2_ecp256`);
    assert.deepEqual(world.settle(), [
      `IKE_SA_INIT 0 { ${INIT} } -->`,
      `<-- IKE_SA_INIT 0 R { ${INIT}, N(CHILDLESS_IKEV2_SUPPORTED) }`,
      "IKE_INTERMEDIATE 1 { KE } -->",
      "<-- IKE_INTERMEDIATE 1 R { KE }",
      "IKE_INTERMEDIATE 2 { KE } -->",
      "<-- IKE_INTERMEDIATE 2 R { KE }",
      "IKE_AUTH 3 { IDi, N(INITIAL_CONTACT), IDr, AUTH, N(SET_WINDOW_SIZE), SA, TSi, TSr } -->",
      "<-- IKE_AUTH 3 R { IDr, AUTH, N(SET_WINDOW_SIZE), SA, TSi, TSr }",
    ]);
    assertAgreement(world);
    assert.equal(world.pass(world.left, 0), undefined);
    assert.equal(world.pass(world.right, 0), undefined);
    const [up] = eventsOf(world.left, "ikeUp");
    assert.match(up?.algorithms ?? "", /CURVE25519, ADDKE1 ML_KEM_512, ADDKE2 ECP_256/);
  });

  it("are fragmented when they are long, and proved in the form without fragments", () => {
    const world = hybridWorld(`${BASE}-ke1_mlkem1024`);
    const ladder = world.settle();
    assert.deepEqual(ladder.slice(2, 6), [
      "IKE_INTERMEDIATE 1 { SKF(1/2) } -->",
      "IKE_INTERMEDIATE 1 { SKF(2/2) } -->",
      "<-- IKE_INTERMEDIATE 1 R { SKF(1/2) }",
      "<-- IKE_INTERMEDIATE 1 R { SKF(2/2) }",
    ]);
    assertAgreement(world);
  });

  it("are left out where NONE is chosen, or the peer knows nothing of them", () => {
    for (const right of [`${BASE}-ke1_none`, BASE]) {
      const world = hybridWorld(`${BASE}-ke1_mlkem768-ke1_none`, right);
      assert.match(world.settle()[2] ?? "", /^IKE_AUTH 1 /);
      assertAgreement(world);
    }
  });

  it("that only one end insists on are no agreement", () => {
    const world = hybridWorld(`${BASE}-ke1_mlkem768`, BASE);
    assert.equal(world.settle()[1], "<-- IKE_SA_INIT 0 R { N(NO_PROPOSAL_CHOSEN) }");
  });
});

describe("an IKE_INTERMEDIATE message", () => {
  it("that is repeated after the keys have changed gets its answer again, under the old ones", () => {
    const world = hybridWorld(`${BASE}-ke1_mlkem512`);
    world.deliver();
    world.deliver();
    const request = world.hold();
    world.arrive(request);
    const answer = world.lose();
    world.arrive(request);
    assert.equal(world.deliver(), answer);
    assert.equal(world.status(world.right).counters.retransmitsIn, 1);
    world.settle();
    assertAgreement(world);
    world.arrive(request);
    assert.equal(world.wire.length, 0, "after IKE_AUTH there is nothing to say about it");
  });

  it("of a forger changes nothing", () => {
    const world = hybridWorld(`${BASE}-ke1_mlkem512`);
    world.deliver();
    world.deliver();
    const request = world.hold();
    const forged = { ...request, octets: request.octets.slice() };
    forged.octets[100] = (forged.octets[100] ?? 0) ^ 1;
    world.arrive(forged);
    assert.equal(world.wire.length, 0);
    world.arrive(request);
    world.settle();
    assertAgreement(world);
  });
});
