/** NULL authentication (RFC 7619): only where it is configured, for each end by itself, and never in place of a proof. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LocalAuthentication, RemoteAuthentication } from "../../src/ike/config.ts";
import { NO_IDENTITY } from "../../src/ike/identity.ts";
import { required } from "../../src/ike/required.ts";
import { AuthenticationMethod, ExchangeType, IdentificationType } from "../../src/wire/iana/index.ts";
import type { Payload } from "../../src/wire/payload.ts";
import { assertAgreement, eventsOf, ikeStates } from "./harness/assertions.ts";
import { byPsk } from "./harness/credentials.ts";
import { forgerIn } from "./harness/forger.ts";
import { World } from "./harness/world.ts";

const NOBODY: LocalAuthentication = { auth: "null", id: NO_IDENTITY };
const ANYBODY: RemoteAuthentication = { auth: "null", id: "%any" };

interface End {
  readonly local?: LocalAuthentication;
  readonly remote?: RemoteAuthentication;
}

const worldOf = (left: End, right: End): World => new World({ left: { connection: left }, right: { connection: right } });

function settled(left: End, right: End): World {
  const world = worldOf(left, right);
  world.initiate();
  world.settle();
  return world;
}

describe("agreed on", () => {
  for (const [name, left, right] of [
    ["of both ends", { local: NOBODY, remote: ANYBODY }, { local: NOBODY, remote: ANYBODY }],
    ["of the initiator", { local: NOBODY, remote: byPsk("right.example") }, { local: byPsk("right.example"), remote: ANYBODY }],
    ["of the responder", { local: byPsk("left.example"), remote: ANYBODY }, { local: NOBODY, remote: byPsk("left.example") }],
  ] as const) {
    test(`${name}: an IKE SA that carries traffic and is rekeyed`, () => {
      const world = settled(left, right);
      assertAgreement(world);
      world.rekeyIke(world.left);
      world.settle();
      assertAgreement(world);
      assert.equal(world.pass(world.left, 0), undefined);
      const [status] = world.status(world.right).ikeSas;
      if (name !== "of the responder") assert.equal(status?.remoteAuth, "nothing (NULL authentication)");
    });
  }

  test("the payloads are ID_NULL and AUTH of method 13; INITIAL_CONTACT would say nothing", () => {
    const world = worldOf({ local: NOBODY, remote: ANYBODY }, { local: NOBODY, remote: ANYBODY });
    world.initiate();
    world.deliver();
    world.deliver();
    const request = world.hold();
    assert.equal(world.describe(request), "IKE_AUTH 1 { IDi, AUTH, N(SET_WINDOW_SIZE), SA, TSi, TSr } -->");
    const payloads = world.reader.payloads(request.octets);
    const [idi, auth] = [required(payloads, "IDi"), required(payloads, "AUTH")];
    assert.deepEqual([idi.idType, idi.data.length, auth.method], [IdentificationType.ID_NULL, 0, AuthenticationMethod.NULL]);
  });

  test("peers without identity are not taken for each other: none replaces another", () => {
    const [left, right] = [
      { local: NOBODY, remote: ANYBODY },
      { local: NOBODY, remote: ANYBODY, unique: "replace" as const },
    ];
    const world = new World({ left: { connection: left }, right: { connection: right } });
    for (let round = 0; round < 2; round++) {
      world.initiate();
      world.settle();
      world.command(world.left, { verb: "flush" });
      world.advance(10);
    }
    assert.deepEqual(ikeStates(world).right, ["ESTABLISHED", "ESTABLISHED"]);
  });
});

describe("not agreed on", () => {
  test("a peer that proves nothing where a secret is asked for, of one identity or any: AUTHENTICATION_FAILED", () => {
    for (const remote of [byPsk("left.example"), { auth: "psk", id: "%any" }] as const) {
      const world = settled({ local: NOBODY, remote: byPsk("right.example") }, { remote });
      assert.deepEqual(ikeStates(world), { left: [], right: [] });
      assert.equal(eventsOf(world.right, "authFailed").length, 1);
    }
  });

  test("a peer that proves who it is where nobody is expected: AUTHENTICATION_FAILED", () => {
    const world = settled({}, { remote: ANYBODY });
    assert.deepEqual(ikeStates(world), { left: [], right: [] });
  });

  test("a responder that proves nothing where a secret is asked for is not believed", () => {
    const world = settled({ remote: { auth: "psk", id: "%any" } }, { local: NOBODY });
    assert.deepEqual(ikeStates(world), { left: [], right: [] });
    assert.match(eventsOf(world.left, "authFailed")[0]?.text ?? "", /NULL/);
  });

  for (const [name, change] of [
    [
      "an identity of its own",
      (payload: Payload) => (payload.type === "IDi" ? { ...payload, idType: 2, data: Uint8Array.of(97) } : payload),
    ],
    [
      "another method",
      (payload: Payload) => (payload.type === "AUTH" ? { ...payload, method: AuthenticationMethod.SHARED_KEY_MIC } : payload),
    ],
    ["a proof of other keys", (payload: Payload) => (payload.type === "AUTH" ? { ...payload, data: new Uint8Array(32) } : payload)],
  ] as const) {
    test(`nobody with ${name}: AUTHENTICATION_FAILED`, () => {
      const world = worldOf({ local: NOBODY, remote: ANYBODY }, { local: NOBODY, remote: ANYBODY });
      const forger = forgerIn(world);
      world.initiate();
      world.deliver();
      world.deliver();
      const request = world.hold();
      const payloads = world.reader.payloads(request.octets).map(change);
      world.arrive({ ...request, octets: forger.request({ exchangeType: ExchangeType.IKE_AUTH, messageId: 1, payloads }) });
      assert.equal(world.deliver(), "<-- IKE_AUTH 1 R { N(AUTHENTICATION_FAILED) }");
      assert.deepEqual(ikeStates(world).right, []);
    });
  }
});
