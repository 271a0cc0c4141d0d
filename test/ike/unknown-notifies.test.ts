/** Notifies that nobody knows, in responses (RFC 7296 §3.10.1): an error fails the request, whatever it means; a status says nothing. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ExchangeType } from "../../src/wire/iana/index.ts";
import { notify } from "../../src/wire/notify.ts";
import { assertAgreement, childStates, eventsOf, ikeStates } from "./harness/assertions.ts";
import { forgerIn } from "./harness/forger.ts";
import { World } from "./harness/world.ts";

/** In the ranges of errors and of status, and assigned to nothing. */
const UNKNOWN_ERROR = 8191;
const UNKNOWN_STATUS = 39_999;

interface Answered {
  readonly world: World;
  /** The right end answers the left's next request with this notify alone, instead of what it would have said. */
  readonly answer: (exchangeType: number, messageId: number, notifyType: number) => void;
}

function answeredWorld(isEstablished: boolean): Answered {
  const world = new World();
  const forger = forgerIn(world);
  world.initiate();
  if (isEstablished) world.settle();
  else for (const side of ["left", "right"] as const) world.deliverFrom(side);
  const answer = (exchangeType: number, messageId: number, notifyType: number): void => {
    const { local, remote, marker } = world.hold("left");
    const octets = forger.response({ exchangeType, messageId, payloads: [notify(notifyType)] });
    world.arrive({ from: "right", local: remote, remote: local, octets, marker });
  };
  return { world, answer };
}

describe("an unknown error", () => {
  test("to IKE_AUTH: the attempt has failed, with its number for the operator", () => {
    const { world, answer } = answeredWorld(false);
    answer(ExchangeType.IKE_AUTH, 1, UNKNOWN_ERROR);
    assert.deepEqual(ikeStates(world).left, []);
    assert.equal(world.status(world.left).connections[0]?.state, "down");
    assert.match(world.status(world.left).connections[0]?.lastError ?? "", /8191/);
  });

  test("to a request for a Child SA: there is none, and the IKE SA goes on", () => {
    const { world, answer } = answeredWorld(true);
    world.closeChild(world.left);
    world.settle();
    world.initiate();
    answer(ExchangeType.CREATE_CHILD_SA, 3, UNKNOWN_ERROR);
    assert.deepEqual(childStates(world).left, []);
    assert.deepEqual(ikeStates(world).left, ["ESTABLISHED"]);
    assert.equal(eventsOf(world.left, "peerRefused").at(-1)?.notify, "unknown(8191)");
  });

  test("to the rekey of a Child SA: the old one stays, and another attempt follows", () => {
    const { world, answer } = answeredWorld(true);
    const [old] = world.status(world.left).childSas;
    world.rekeyChild(world.left);
    answer(ExchangeType.CREATE_CHILD_SA, 2, UNKNOWN_ERROR);
    assert.deepEqual(childStates(world).left, ["INSTALLED"]);
    assert.equal(eventsOf(world.left, "peerRefused").at(-1)?.notify, "unknown(8191)");
    assert.equal(world.pass(world.left, 0), undefined);
    world.run(10_000);
    assertAgreement(world);
    assert.notEqual(world.status(world.left).childSas[0]?.id, old?.id);
  });

  test("to the rekey of the IKE SA: the old one stays, and another attempt follows", () => {
    const { world, answer } = answeredWorld(true);
    const [old] = world.status(world.left).ikeSas;
    world.rekeyIke(world.left);
    answer(ExchangeType.CREATE_CHILD_SA, 2, UNKNOWN_ERROR);
    assert.deepEqual(ikeStates(world).left, ["ESTABLISHED"]);
    assert.equal(eventsOf(world.left, "peerRefused").at(-1)?.notify, "unknown(8191)");
    world.run(10_000);
    assertAgreement(world);
    assert.notEqual(world.status(world.left).ikeSas[0]?.id, old?.id);
  });
});

test("an unknown status in an answer that makes a Child SA: it is made", () => {
  const world = new World();
  const forger = forgerIn(world);
  world.initiate();
  world.settle();
  world.closeChild(world.left);
  world.settle();
  world.initiate();
  world.deliver();
  const answer = world.hold("right");
  const payloads = [notify(UNKNOWN_STATUS), ...world.reader.payloads(answer.octets)];
  world.arrive({ ...answer, octets: forger.response({ exchangeType: ExchangeType.CREATE_CHILD_SA, messageId: 3, payloads }) });
  assertAgreement(world);
  assert.deepEqual(childStates(world), { left: ["INSTALLED"], right: ["INSTALLED"] });
  assert.equal(eventsOf(world.left, "peerRefused").length, 0);
});
