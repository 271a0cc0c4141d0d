/** Floods of IKE_SA_INIT from addresses that may be forged (RFC 7296 §2.6): what they cost us is bounded, and they keep nobody else out. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KeyExchangeMethod } from "../../src/wire/iana/index.ts";
import { ikeSpi } from "../../src/wire/ike-header.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/message.ts";
import type { Payload } from "../../src/wire/payload.ts";
import { assertAgreement } from "./harness/assertions.ts";
import { ikeProposals, LEFT_ADDRESS } from "./harness/configs.ts";
import { World } from "./harness/world.ts";

const PROPOSALS = ikeProposals("aes128gcm16-prfsha256-x25519");
const LIMITS = { cookieThreshold: 10, halfOpenLimit: 20, perSourceLimit: 5 };

/** Its responder, the right one, serves everybody. */
const newWorld = (): World =>
  new World({
    left: { connection: { proposals: PROPOSALS } },
    right: { connection: { proposals: PROPOSALS, remoteAddrs: ["%any"] }, endpoint: LIMITS },
  });

/** The true peer's request, taken off the wire. */
function firstRequest(world: World): Uint8Array {
  world.initiate();
  const [request] = world.wire.splice(0);
  assert.ok(request !== undefined);
  return request.octets;
}

const other = (round: number): string => `198.51.${100 + (round >> 8)}.${round & 0xff}`;

/** The request again from `count` other addresses, each as another IKE SA. Nobody returns a cookie. */
function flood(
  world: World,
  request: Uint8Array,
  count: number,
  change: (payload: Payload) => Payload = (payload) => payload,
  addressOf = other,
): void {
  const { header, payloads } = decodeMessage(request);
  for (let round = 1; round <= count; round++) {
    const octets = encodeMessage({ ...header, initiatorSpi: ikeSpi(BigInt(round)) }, payloads.map(change));
    const remote = { address: addressOf(round), port: 500 };
    world.act(world.right, (endpoint) =>
      endpoint.handleDatagram({ local: { address: "192.0.2.2", port: 500 }, remote, octets }, world.now),
    );
    world.wire.length = 0;
  }
}

describe("a flood of IKE_SA_INIT", () => {
  test("does not keep cookies from who would return them", () => {
    const world = newWorld();
    flood(world, firstRequest(world), 2000);
    const { halfOpen, cookiesSent, drops } = world.status(world.right).counters;
    assert.deepEqual([halfOpen, cookiesSent, drops["rateLimited"] ?? 0], [10, 1990, 0]);
    world.advance(3000);
    world.settle();
    assert.equal(world.status(world.left).connections[0]?.state, "up");
    world.advance(30_000);
    assertAgreement(world);
  });

  test("with other methods than ours is refused seldom, and cookies go on all the same", () => {
    const world = newWorld();
    const request = firstRequest(world);
    flood(world, request, 500, (payload) => (payload.type === "KE" ? { ...payload, method: KeyExchangeMethod.MODP_2048 } : payload));
    assert.equal(world.status(world.right).counters.halfOpen, 0);
    assert.ok((world.status(world.right).counters.drops["rateLimited"] ?? 0) >= 450);
    flood(world, request, 100);
    assert.equal(world.status(world.right).counters.cookiesSent, 90);
  });

  test("with values that are no public values costs a few key exchanges, then cookies", () => {
    const world = newWorld();
    const request = firstRequest(world);
    flood(world, request, 200, (payload) => (payload.type === "KE" ? { ...payload, data: new Uint8Array(32) } : payload));
    const { halfOpen, cookiesSent } = world.status(world.right).counters;
    assert.deepEqual([halfOpen, cookiesSent], [0, 189]);
    world.advance(3000);
    world.settle();
    assertAgreement(world);
  });

  test("with nothing but a nonce brings no answer that is longer than itself", () => {
    const world = newWorld();
    const request = firstRequest(world);
    flood(world, request, 10);
    const { header } = decodeMessage(request);
    for (const [nonce, answers] of [
      [16, 0],
      [36, 0],
      [37, 1],
    ] as const) {
      const octets = encodeMessage({ ...header, initiatorSpi: ikeSpi(BigInt(1000 + nonce)) }, [
        { type: "NONCE", data: new Uint8Array(nonce) },
      ]);
      const remote = { address: "203.0.113.9", port: 500 };
      world.act(world.right, (endpoint) =>
        endpoint.handleDatagram({ local: { address: "192.0.2.2", port: 500 }, remote, octets }, world.now),
      );
      assert.deepEqual(
        world.wire.splice(0).map((answer) => answer.octets.length),
        Array.from({ length: answers }, () => octets.length),
      );
    }
    assert.equal(world.status(world.right).counters.drops["malformed"], 2);
  });

  test("in the name of a peer does not keep it out", () => {
    const world = newWorld();
    const request = firstRequest(world);
    flood(world, request, 50, undefined, () => LEFT_ADDRESS);
    assert.equal(world.status(world.right).counters.halfOpen, LIMITS.perSourceLimit);
    world.advance(3000);
    world.settle();
    assert.equal(world.status(world.left).connections[0]?.state, "up");
  });

  test("nor does one with its SPI, by somebody who has seen the request and is quicker", () => {
    const world = newWorld();
    world.initiate();
    const [request] = world.wire;
    assert.ok(request !== undefined);
    const { header, payloads } = decodeMessage(request.octets);
    const forged = payloads.map((payload) => (payload.type === "NONCE" ? { ...payload, data: new Uint8Array(32) } : payload));
    world.arrive({ ...request, octets: encodeMessage(header, forged) });
    world.lose("right");
    world.settle();
    assert.equal(world.status(world.left).connections[0]?.state, "up");
    assert.equal(world.status(world.right).counters.halfOpen, 1);
    world.advance(30_000);
    assertAgreement(world);
  });
});
