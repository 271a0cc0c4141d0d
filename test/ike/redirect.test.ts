/** Redirection (RFC 5685) is neither offered nor followed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExchangeType, NotifyType } from "../../src/wire/iana/index.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/message.ts";
import { notify } from "../../src/wire/notify.ts";
import { assertAgreement, eventsOf, ikeStates } from "./harness/assertions.ts";
import { forgerIn } from "./harness/forger.ts";
import { World } from "./harness/world.ts";

/** To 203.0.113.9 (§4): GW Ident Type IPv4, length 4. */
const REDIRECT = notify(NotifyType.REDIRECT, Uint8Array.of(1, 4, 203, 0, 113, 9));

test("REDIRECT_SUPPORTED is not said, and a client that says it is served as any", () => {
  const world = new World();
  world.initiate();
  const request = world.hold();
  const { header, payloads } = decodeMessage(request.octets);
  const octets = encodeMessage(header, [...payloads, notify(NotifyType.REDIRECT_SUPPORTED)]);
  assert.doesNotMatch(world.describe(request), /REDIRECT/);
  world.arrive({ ...request, octets });
  assert.doesNotMatch(world.lose(), /REDIRECT/);
});

test("REDIRECT in place of the answer to IKE_SA_INIT is dropped and told once; the true answer still counts", () => {
  const world = new World();
  world.initiate();
  world.deliver();
  const answer = world.hold();
  const { header } = decodeMessage(answer.octets);
  for (let round = 0; round < 5; round++) world.arrive({ ...answer, octets: encodeMessage(header, [REDIRECT]) });
  assert.equal(world.status(world.left).counters.drops["answerRefused"], 5);
  assert.equal(eventsOf(world.left, "hint").length, 1);
  assert.match(eventsOf(world.left, "hint")[0]?.text ?? "", /REDIRECT.*not followed/);
  world.arrive(answer);
  world.settle();
  assertAgreement(world);
});

test("REDIRECT in INFORMATIONAL is answered with nothing, told, and the IKE SA stays where it is", () => {
  const world = new World();
  const forger = forgerIn(world);
  world.initiate();
  world.settle();
  const octets = forger.fromResponder({ exchangeType: ExchangeType.INFORMATIONAL, messageId: 0, payloads: [REDIRECT] });
  const [local, remote] = [world.left, world.right].map(({ address }) => ({ address, port: 4500 }));
  assert.ok(local !== undefined && remote !== undefined);
  world.act(world.left, (endpoint) => endpoint.handleDatagram({ local, remote, octets }, world.now));
  assert.equal(world.lose(), "INFORMATIONAL 0 R { } -->");
  assert.deepEqual(ikeStates(world).left, ["ESTABLISHED"]);
  assert.equal(world.status(world.left).ikeSas[0]?.remote.address, world.right.address);
  assert.equal(eventsOf(world.left, "hint").length, 1);
});

test("REDIRECT in place of the Child SA in IKE_AUTH: the Child SA is refused, and the operator told why", () => {
  const world = new World();
  const forger = forgerIn(world);
  world.initiate();
  for (let step = 0; step < 3; step++) world.deliver();
  const answer = world.hold();
  const proof = world.reader.payloads(answer.octets).filter(({ type }) => type === "IDr" || type === "AUTH");
  const octets = forger.response({ exchangeType: ExchangeType.IKE_AUTH, messageId: 1, payloads: [...proof, REDIRECT] });
  world.arrive({ ...answer, octets });
  assert.match(eventsOf(world.left, "hint")[0]?.text ?? "", /REDIRECT/);
  assert.equal(eventsOf(world.left, "peerRefused").length, 1);
  assert.deepEqual(world.status(world.left).childSas, []);
});
