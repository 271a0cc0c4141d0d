/** A flood of IKE_SA_INIT from addresses that are real: it returns its cookies, and is held by the limits of half-open IKE SAs alone (RFC 7296 §2.6). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DEFAULT_ENDPOINT_SETTINGS } from "../../src/ike/config.ts";
import { NotifyType } from "../../src/wire/iana/index.ts";
import { ikeSpi } from "../../src/wire/ike-header.ts";
import { decodeMessage, encodeMessage, type DecodedMessage } from "../../src/wire/message.ts";
import { findNotify } from "../../src/wire/notify.ts";
import type { Payload } from "../../src/wire/payload.ts";
import { assertAgreement, eventsOf, ikeStates } from "./harness/assertions.ts";
import { RIGHT_ADDRESS } from "./harness/configs.ts";
import { World } from "./harness/world.ts";

const LIMITS = { cookieThreshold: 4, halfOpenLimit: 20, perSourceLimit: 6 };
/** Of one address: those that it got before anybody was asked for a cookie, which may be forged, count by themselves. */
const SHARE = LIMITS.cookieThreshold + LIMITS.perSourceLimit;
/** Milliseconds between two attempts. */
const PACE = 120;

class Flood {
  readonly world: World;
  readonly #request: DecodedMessage;
  #attempts = 0;

  constructor() {
    this.world = new World({ right: { endpoint: LIMITS, connection: { remoteAddrs: ["%any"] } } });
    const another = new World({ seed: "flood" });
    another.initiate();
    const [request] = another.wire;
    assert.ok(request !== undefined);
    this.#request = decodeMessage(request.octets);
  }

  /** One more IKE SA from there, up to its IKE_AUTH, which never comes. Says what became of it. */
  attempt(address: string): "half-open" | "half-open after a cookie" | "dropped" | "dropped after a cookie" {
    const spi = ikeSpi(BigInt(++this.#attempts));
    const answer = this.#exchange(address, spi, this.#request.payloads);
    const cookie = answer === undefined ? undefined : findNotify(answer.payloads, NotifyType.COOKIE);
    this.world.advance(PACE);
    if (cookie === undefined) return answer === undefined ? "dropped" : "half-open";
    return this.#exchange(address, spi, [cookie, ...this.#request.payloads]) === undefined
      ? "dropped after a cookie"
      : "half-open after a cookie";
  }

  #exchange(address: string, initiatorSpi: ReturnType<typeof ikeSpi>, payloads: readonly Payload[]): DecodedMessage | undefined {
    const { world } = this;
    const octets = encodeMessage({ ...this.#request.header, initiatorSpi }, payloads);
    const [local, remote] = [
      { address: RIGHT_ADDRESS, port: 500 },
      { address, port: 500 },
    ];
    world.act(world.right, (endpoint) => endpoint.handleDatagram({ local, remote, octets }, world.now));
    const at = world.wire.findIndex((datagram) => datagram.remote.address === address);
    const [answer] = at < 0 ? [] : world.wire.splice(at, 1);
    return answer === undefined ? undefined : decodeMessage(answer.octets);
  }

  get halfOpen(): number {
    return this.world.status(this.world.right).counters.halfOpen;
  }

  get drops(): Readonly<Record<string, number>> {
    return this.world.status(this.world.right).counters.drops;
  }
}

describe("a flood that returns its cookies", () => {
  test("from one address: no more than its share, and a peer from elsewhere comes up at once", () => {
    const flood = new Flood();
    const { world } = flood;
    const outcomes = Array.from({ length: 40 }, () => flood.attempt("198.51.100.1"));
    assert.deepEqual(outcomes, [
      ...Array.from({ length: LIMITS.cookieThreshold }, () => "half-open"),
      ...Array.from({ length: LIMITS.perSourceLimit }, () => "half-open after a cookie"),
      ...Array.from({ length: 40 - SHARE }, () => "dropped after a cookie"),
    ]);
    assert.equal(flood.halfOpen, SHARE);
    assert.deepEqual(flood.drops, { perSourceLimit: 40 - SHARE });

    world.initiate();
    const ladder = world.settle();
    assert.match(ladder[1] ?? "", /N\(COOKIE\)/, "it is asked for one, as the flood is");
    assert.deepEqual(ikeStates(world).left, ["ESTABLISHED"]);
    assert.equal(world.pass(world.left, 0), undefined);
    assert.equal(flood.halfOpen, SHARE, "the flood is still there");
    assert.equal(flood.attempt("198.51.100.1"), "dropped after a cookie");

    world.run(DEFAULT_ENDPOINT_SETTINGS.halfOpenTimeout);
    assert.equal(flood.halfOpen, 0);
    assert.match(flood.attempt("198.51.100.1"), /half-open/, "it has its share again");
    world.run(DEFAULT_ENDPOINT_SETTINGS.halfOpenTimeout);
    assertAgreement(world);
  });

  test("from many addresses: no more than all may have, and a peer comes up when the first of them have timed out", () => {
    const flood = new Flood();
    const { world } = flood;
    const outcomes = Array.from({ length: 60 }, (_, index) => flood.attempt(`198.51.100.${index % 10}`));
    assert.equal(outcomes.filter((outcome) => outcome.startsWith("half-open")).length, LIMITS.halfOpenLimit);
    assert.deepEqual([...new Set(outcomes.slice(LIMITS.halfOpenLimit))], ["dropped"], "nothing is computed for them");
    assert.equal(flood.halfOpen, LIMITS.halfOpenLimit);
    assert.deepEqual(flood.drops, { halfOpenLimit: 60 - LIMITS.halfOpenLimit });

    world.initiate();
    world.settle();
    assert.deepEqual(ikeStates(world).left, ["INITIATING"]);
    assert.deepEqual(flood.drops, { halfOpenLimit: 61 - LIMITS.halfOpenLimit });
    world.run(60_000);
    assert.deepEqual(ikeStates(world).left, ["ESTABLISHED"], "by its own retransmissions");
    assert.equal(eventsOf(world.left, "connectionFailed").length, 0);
    assertAgreement(world);
  });
});
