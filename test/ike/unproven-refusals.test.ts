/** What anybody who sees IKE_SA_INIT may answer in the peer's name (RFC 7296 §2.21.1): the true peer's answer still counts, and nothing ends for good. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ExchangeType, KeyExchangeMethod, NotifyType } from "../../src/wire/iana/index.ts";
import { NO_IKE_SPI } from "../../src/wire/ike-header.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/message.ts";
import { notify } from "../../src/wire/notify.ts";
import { assertAgreement, eventsOf, ikeStates } from "./harness/assertions.ts";
import { ikeProposals } from "./harness/configs.ts";
import { World } from "./harness/world.ts";

/** Milliseconds after which a refusal that nothing better has followed is believed. */
const PATIENCE = 4000;

/** Before the true peer says anything, the request on the wire gets this answer. */
function forge(world: World, type: number, data: Uint8Array = new Uint8Array(0)): void {
  const request = world.wire[0];
  assert.ok(request !== undefined);
  const { initiatorSpi } = decodeMessage(request.octets).header;
  const header = { initiatorSpi, responderSpi: NO_IKE_SPI, exchangeType: ExchangeType.IKE_SA_INIT, messageId: 0 };
  const octets = encodeMessage({ ...header, isInitiator: false, isResponse: true }, [notify(type, data)]);
  world.arrive({ from: "right", local: request.remote, remote: request.local, octets, marker: false });
}

/** Refusals, and the data of their notifies. */
const REFUSALS: readonly (readonly [name: string, type: number, data?: Uint8Array])[] = [
  ["NO_PROPOSAL_CHOSEN", NotifyType.NO_PROPOSAL_CHOSEN],
  ["INVALID_SYNTAX", NotifyType.INVALID_SYNTAX],
  ["an error that nobody knows", 8191],
  ["INVALID_KE_PAYLOAD for what was not offered", NotifyType.INVALID_KE_PAYLOAD, Uint8Array.of(0, KeyExchangeMethod.MODP_2048)],
  ["INVALID_KE_PAYLOAD for what was sent", NotifyType.INVALID_KE_PAYLOAD, Uint8Array.of(0, KeyExchangeMethod.CURVE25519)],
];

const stateOf = (world: World): string | undefined => world.status(world.left).connections[0]?.state;

describe("a forged refusal of IKE_SA_INIT", () => {
  for (const [name, type, data] of REFUSALS) {
    test(`${name}: the peer's own answer brings the IKE SA up`, () => {
      const world = new World();
      world.initiate();
      forge(world, type, data);
      world.settle();
      assertAgreement(world);
      world.advance(60_000);
      assert.deepEqual(ikeStates(world), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
      assert.deepEqual(eventsOf(world.left, "connectionFailed"), []);
    });

    test(`${name}: so does the answer to the request's repetition`, () => {
      const world = new World();
      world.initiate();
      forge(world, type, data);
      world.wire.length = 0;
      world.advance(PATIENCE - 1);
      world.settle();
      assertAgreement(world);
    });
  }

  test("a COOKIE: so does the answer to the request's repetition", () => {
    const world = new World();
    world.initiate();
    forge(world, NotifyType.COOKIE, Uint8Array.of(1, 2, 3));
    world.wire.length = 0;
    world.advance(PATIENCE - 1);
    world.settle();
    assertAgreement(world);
  });

  test("a method that the peer does not want: it asks for the first one again, and gets it", () => {
    const left = { connection: { proposals: ikeProposals("aes128gcm16-prfsha256-x25519-ecp256") } };
    const right = { connection: { proposals: ikeProposals("aes128gcm16-prfsha256-x25519") } };
    const world = new World({ left, right });
    world.initiate();
    forge(world, NotifyType.INVALID_KE_PAYLOAD, Uint8Array.of(0, KeyExchangeMethod.ECP_256));
    world.wire.shift();
    assert.match(world.settle()[1] ?? "", /INVALID_KE_PAYLOAD/);
    assertAgreement(world);
  });

  test("without any other answer it is believed after a while, and said", () => {
    const world = new World();
    world.initiate();
    forge(world, NotifyType.NO_PROPOSAL_CHOSEN);
    forge(world, NotifyType.INVALID_SYNTAX);
    assert.equal(world.status(world.left).counters.drops["answerRefused"], 1, "a second one adds nothing");
    world.advance(PATIENCE - 1);
    assert.equal(stateOf(world), "connecting");
    world.advance(1);
    assert.equal(stateOf(world), "down");
    assert.match(eventsOf(world.left, "connectionFailed")[0]?.text ?? "", /refused IKE_SA_INIT: NO_PROPOSAL_CHOSEN/);
  });

  for (const keyingTries of [0, 2]) {
    test(`keyingtries: ${keyingTries}: it is said, and after a minute or so it is tried again`, () => {
      const world = new World({ left: { connection: { keyingTries } } });
      world.initiate();
      forge(world, NotifyType.NO_PROPOSAL_CHOSEN);
      world.wire.length = 0;
      world.advance(PATIENCE);
      assert.equal(stateOf(world), "down");
      assert.match(eventsOf(world.left, "connectionFailed")[0]?.text ?? "", /NO_PROPOSAL_CHOSEN.*tried again/);
      world.wire.splice(0);
      world.advance(29_000);
      assert.equal(world.wire.length, 0, "no haste");
      world.advance(61_000);
      assert.notEqual(world.wire[0], undefined);
      world.settle();
      assertAgreement(world);
    });
  }

  test("one after another: the tries end where they are configured to", () => {
    const world = new World({ left: { connection: { keyingTries: 2 } } });
    world.initiate();
    for (let round = 0; round < 2; round++) {
      forge(world, NotifyType.NO_PROPOSAL_CHOSEN);
      world.wire.length = 0;
      world.advance(PATIENCE);
      world.wire.length = 0;
      for (let second = 0; second < 95 && world.wire.length === 0; second++) world.advance(1000);
    }
    assert.equal(eventsOf(world.left, "connectionFailed").length, 2);
    assert.equal(world.wire.length, 0);
    assert.deepEqual(ikeStates(world).left, []);
  });

  test("what is taken back in the meantime is not tried again", () => {
    const world = new World({ left: { connection: { keyingTries: 0 } } });
    world.initiate();
    forge(world, NotifyType.NO_PROPOSAL_CHOSEN);
    world.advance(PATIENCE);
    world.wire.length = 0;
    world.command(world.left, { verb: "terminate", target: { connection: "tunnel" } });
    world.advance(200_000);
    assert.equal(world.wire.length, 0);
  });
});
