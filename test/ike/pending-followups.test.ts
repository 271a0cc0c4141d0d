import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seededEntropy } from "../../src/crypto/entropy.ts";
import { PendingFollowups, type Followup } from "../../src/ike/pending-followups.ts";
import { TimerQueue } from "../../src/ike/timers.ts";
import { ExchangeType, NotifyType } from "../../src/wire/iana/index.ts";
import type { Request } from "../../src/ike/answer.ts";

const path = { local: { address: "192.0.2.1", port: 4500 }, remote: { address: "192.0.2.2", port: 4500 } };
const REQUEST: Request = { exchangeType: ExchangeType.IKE_FOLLOWUP_KE, messageId: 1, payloads: [], path };

function setUp(capacity = 2) {
  const timers = new TimerQueue();
  const log: string[] = [];
  const pending = new PendingFollowups(timers, seededEntropy(1), capacity);
  const followup = (name: string, ...methods: number[]): Followup => ({
    concerns: "child",
    methods,
    sharedSecret: undefined,
    complete: (secrets) => {
      log.push(`complete ${name}: ${secrets.map(String).join(" ")}`);
      return undefined;
    },
    abandon: () => log.push(`abandon ${name}`),
  });
  return { timers, log, pending, followup };
}

const notFound = { name: "NoAgreement", notifyType: NotifyType.STATE_NOT_FOUND };

describe("followups that are to come", () => {
  it("go through their methods in order, and are wiped and forgotten after the last", () => {
    const { pending, followup, log } = setUp();
    const link = pending.add(followup("a", 31, 36), 0);
    const secrets = [Uint8Array.of(1), Uint8Array.of(2)];
    assert.equal(pending.methodOf(link), 31);
    assert.equal(pending.advance(link, secrets[0]!, REQUEST, 0), undefined);
    assert.equal(pending.methodOf(link), 36);
    assert.deepEqual(pending.advance(link, secrets[1]!, REQUEST, 0), { then: undefined });
    assert.deepEqual(log, ["complete a: 1 2"]);
    assert.deepEqual(secrets, [Uint8Array.of(0), Uint8Array.of(0)]);
    assert.throws(() => pending.methodOf(link), notFound);
  });

  it("are told apart by links that cannot be guessed from one another", () => {
    const { pending, followup } = setUp();
    const [a, b] = [pending.add(followup("a", 31), 0), pending.add(followup("b", 36), 0)];
    assert.notDeepEqual(a, b);
    assert.equal(pending.methodOf(b), 36);
    assert.throws(() => pending.methodOf(Uint8Array.of(1, 2, 3)), notFound);
  });

  it("are no more than there is room for", () => {
    const { pending, followup } = setUp(1);
    pending.requireRoom();
    pending.add(followup("a", 31), 0);
    assert.throws(() => pending.requireRoom(), { name: "NoAgreement", notifyType: NotifyType.TEMPORARY_FAILURE });
  });

  it("are given up half a minute after the last exchange", () => {
    const { pending, followup, log, timers } = setUp();
    const link = pending.add(followup("a", 31, 36), 0);
    timers.fire(29_000);
    pending.advance(link, Uint8Array.of(1), REQUEST, 29_000);
    timers.fire(58_000);
    assert.deepEqual(log, []);
    timers.fire(59_000);
    assert.deepEqual(log, ["abandon a"]);
    assert.throws(() => pending.methodOf(link), notFound);
  });

  it("end with the IKE SA, or when they have become pointless", () => {
    const { pending, followup, log } = setUp();
    const a = followup("a", 31);
    pending.add(a, 0);
    pending.add(followup("b", 31), 0);
    assert.ok(pending.has("child") && !pending.has("ike"));
    pending.drop(a, 0);
    pending.clear(0);
    assert.deepEqual(log, ["abandon a", "abandon b"]);
    assert.equal(pending.has("child"), false);
  });
});
