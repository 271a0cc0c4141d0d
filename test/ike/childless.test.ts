/** IKE SAs without a first Child SA (RFC 6023): the offer, the four policies in both roles, and connections without children. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConnectionConfig } from "../../src/ike/config.ts";
import { ExchangeType } from "../../src/wire/iana/index.ts";
import { assertAgreement, childStates, eventsOf, ikeStates } from "./harness/assertions.ts";
import { endpointConfig } from "./harness/configs.ts";
import { forgerIn } from "./harness/forger.ts";
import { establishedWorld, World } from "./harness/world.ts";

type Childless = ConnectionConfig["childless"];

const world = (left: Childless, right: Childless): World =>
  new World({ left: { connection: { childless: left } }, right: { connection: { childless: right } } });

const ALONE = [
  "IKE_AUTH 1 { IDi, N(INITIAL_CONTACT), IDr, AUTH, N(SET_WINDOW_SIZE) } -->",
  "<-- IKE_AUTH 1 R { IDr, AUTH, N(SET_WINDOW_SIZE) }",
];
const CHILD = ["CREATE_CHILD_SA 2 { SA, NONCE, TSi, TSr } -->", "<-- CREATE_CHILD_SA 2 R { SA, NONCE, TSi, TSr }"];

describe("with children", () => {
  for (const policy of ["prefer", "force"] as const) {
    test(`${policy}: IKE_AUTH makes the IKE SA alone, CREATE_CHILD_SA the Child SA`, () => {
      const pair = world(policy, "allow");
      pair.initiate();
      const ladder = pair.settle();
      assert.match(ladder[1] ?? "", /N\(CHILDLESS_IKEV2_SUPPORTED\) \}$/, "only the responder offers it");
      assert.doesNotMatch(ladder[0] ?? "", /CHILDLESS/);
      assert.deepEqual(ladder.slice(2), [...ALONE, ...CHILD]);
      assertAgreement(pair);
      assert.equal(pair.pass(pair.left, 0), undefined);
    });
  }

  test("allow: the first Child SA comes with IKE_AUTH, though the peer would do without", () => {
    const pair = world("allow", "allow");
    pair.initiate();
    assert.equal(pair.settle().length, 4);
    assertAgreement(pair);
  });

  test("prefer: a peer that does not offer it gets the Child SA in IKE_AUTH", () => {
    const pair = world("prefer", "never");
    pair.initiate();
    const ladder = pair.settle();
    assert.doesNotMatch(ladder[1] ?? "", /CHILDLESS/);
    assert.equal(ladder.length, 4);
    assertAgreement(pair);
  });

  test("force: a peer that does not offer it is told nothing of us, and the operator why", () => {
    const pair = world("force", "never");
    pair.initiate();
    assert.equal(pair.settle().length, 2, "no IKE_AUTH");
    assert.match(eventsOf(pair.left, "connectionFailed")[0]?.text ?? "", /RFC 6023.*childless: force/);
    assert.deepEqual(ikeStates(pair).left, []);
  });

  test("force, as responder: a Child SA in IKE_AUTH is refused", () => {
    const pair = world("allow", "force");
    pair.initiate();
    assert.equal(pair.settle().at(-1), "<-- IKE_AUTH 1 R { N(INVALID_SYNTAX) }");
    assert.match(eventsOf(pair.right, "refusedPeer")[0]?.text ?? "", /childless: force/);
    assert.deepEqual(ikeStates(pair), { left: [], right: [] });
  });

  test("never, as responder: a peer that does it all the same is refused", () => {
    const pair = world("allow", "never");
    const forger = forgerIn(pair);
    pair.initiate();
    pair.deliver();
    pair.deliver();
    const request = pair.hold();
    const payloads = pair.reader.payloads(request.octets).filter(({ type }) => type !== "SA" && type !== "TSi" && type !== "TSr");
    pair.arrive({ ...request, octets: forger.request({ exchangeType: ExchangeType.IKE_AUTH, messageId: 1, payloads }) });
    assert.equal(pair.deliver(), "<-- IKE_AUTH 1 R { N(INVALID_SYNTAX) }");
    assert.match(eventsOf(pair.right, "refusedPeer")[0]?.text ?? "", /childless: never/);
  });

  test("half of a Child SA is not childless: INVALID_SYNTAX", () => {
    const pair = world("allow", "allow");
    const forger = forgerIn(pair);
    pair.initiate();
    pair.deliver();
    pair.deliver();
    const request = pair.hold();
    const payloads = pair.reader.payloads(request.octets).filter(({ type }) => type !== "SA");
    pair.arrive({ ...request, octets: forger.request({ exchangeType: ExchangeType.IKE_AUTH, messageId: 1, payloads }) });
    assert.equal(pair.deliver(), "<-- IKE_AUTH 1 R { N(INVALID_SYNTAX) }");
  });

  test("one connection that may be meant and must not: no offer", () => {
    const [tunnel] = endpointConfig("right").connections;
    assert.ok(tunnel !== undefined);
    const connections = [tunnel, { ...tunnel, name: "other", childless: "never" as const }];
    const pair = new World({ left: { connection: { childless: "prefer" } }, right: { endpoint: { connections } } });
    pair.initiate();
    assert.equal(pair.settle().length, 4);
    assertAgreement(pair);
  });

  test("one Child SA for each CPU (RFC 9611), the first in CREATE_CHILD_SA", () => {
    const child = { perCpuSas: true };
    const pair = new World({ cpus: 4, left: { connection: { childless: "force" }, child }, right: { child } });
    pair.initiate();
    pair.settle();
    for (let cpu = 0; cpu < 4; cpu++) pair.send(pair.left, cpu);
    pair.run(1000);
    assertAgreement(pair);
    assert.equal(pair.status(pair.left).childSas.length, 4);
    assert.deepEqual(
      pair.status(pair.right).groups.map(({ mode }) => mode),
      ["per-cpu"],
    );
  });

  test("a Child SA that is refused leaves the IKE SA standing", () => {
    const pair = new World({ left: { connection: { childless: "prefer" } }, right: { connection: { children: [] } } });
    pair.initiate();
    assert.match(pair.settle().at(-1) ?? "", /CREATE_CHILD_SA 2 R \{ N\(TS_UNACCEPTABLE\) \}/);
    assert.deepEqual(ikeStates(pair), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
    assert.equal(eventsOf(pair.left, "peerRefused").length, 1);
  });
});

describe("without children", () => {
  const empty = { connection: { children: [] } };

  test("initiate brings up the IKE SA, which is rekeyed and closed as any", () => {
    const pair = establishedWorld({ left: empty });
    assert.deepEqual(ikeStates(pair), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
    assert.deepEqual(childStates(pair), { left: [], right: [] });
    assert.equal(pair.status(pair.left).connections[0]?.state, "up");
    pair.rekeyIke(pair.left);
    pair.settle();
    assertAgreement(pair);
    pair.closeIke(pair.left);
    pair.settle();
    assert.deepEqual(ikeStates(pair), { left: [], right: [] });
  });

  test("what is up is not made twice; after it went, it is made again on command alone", () => {
    const pair = establishedWorld({ left: empty });
    pair.initiate();
    assert.equal(pair.wire.length, 0);
    pair.closeIke(pair.right);
    pair.run(60_000);
    assert.deepEqual(ikeStates(pair).left, []);
    pair.initiate();
    pair.settle();
    assertAgreement(pair);
  });

  test("the peer adds a Child SA if both have one: CREATE_CHILD_SA is refused here for want of selectors", () => {
    const pair = establishedWorld({ left: empty });
    pair.initiate(pair.right);
    assert.match(pair.settle().at(-1) ?? "", /N\(TS_UNACCEPTABLE\)/);
  });

  test("a peer that cannot: said, and nothing is left", () => {
    const pair = new World({ left: empty, right: { connection: { childless: "never" } } });
    pair.initiate();
    pair.settle();
    assert.match(eventsOf(pair.left, "connectionFailed")[0]?.text ?? "", /RFC 6023.*has no children/);
    assert.deepEqual(ikeStates(pair).left, []);
    pair.run(60_000);
    assert.equal(pair.wire.length, 0, "and it is not tried again by itself");
  });
});
