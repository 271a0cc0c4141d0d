/** What a peer may ask for, or do in its own way, and how it fares with it (RFC 7296): features that are declined, the order of payloads. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExchangeType, NotifyType } from "../../src/wire/iana/index.ts";
import { decodeIkeHeader, NO_IKE_SPI } from "../../src/wire/ike-header.ts";
import { notify } from "../../src/wire/notify.ts";
import type { Payload } from "../../src/wire/payload.ts";
import { childStates, ikeStates } from "./harness/assertions.ts";
import { forgerIn } from "./harness/forger.ts";
import { World } from "./harness/world.ts";

/** The left end's IKE_AUTH with other payloads, which AUTH does not cover (§2.15); the answer to it. */
function authenticateWith(change: (payloads: readonly Payload[]) => readonly Payload[]): { world: World; answer: string } {
  const world = new World();
  const forger = forgerIn(world);
  world.initiate();
  world.deliver();
  world.deliver();
  const request = world.hold();
  const payloads = change(world.reader.payloads(request.octets));
  world.arrive({ ...request, octets: forger.request({ exchangeType: ExchangeType.IKE_AUTH, messageId: 1, payloads }) });
  const [answer] = world.wire;
  assert.ok(answer !== undefined);
  return { world, answer: world.describe(answer) };
}

const PLAIN_ANSWER = "<-- IKE_AUTH 1 R { IDr, AUTH, N(SET_WINDOW_SIZE), SA, TSi, TSr }";

test("transport mode, compression, no TFC padding, fragments of their own: declined by saying nothing of them (§1.3.1, §2.22)", () => {
  const wishes = [
    notify(NotifyType.USE_TRANSPORT_MODE),
    notify(NotifyType.IPCOMP_SUPPORTED, Uint8Array.of(0, 1, 2)),
    notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED),
    notify(NotifyType.NON_FIRST_FRAGMENTS_ALSO),
  ];
  const { world, answer } = authenticateWith((payloads) => [...payloads, ...wishes]);
  assert.equal(answer, PLAIN_ANSWER);
  assert.deepEqual(childStates(world).right, ["INSTALLED"]);
});

test("EAP, asked for by leaving AUTH out: AUTHENTICATION_FAILED (§2.16)", () => {
  const { world, answer } = authenticateWith((payloads) => payloads.filter(({ type }) => type !== "AUTH"));
  assert.equal(answer, "<-- IKE_AUTH 1 R { N(AUTHENTICATION_FAILED) }");
  assert.deepEqual(ikeStates(world).right, []);
});

test("payloads in another order than ours (§2.5)", () => {
  const { answer } = authenticateWith((payloads) => [...payloads].reverse());
  assert.equal(answer, PLAIN_ANSWER);
});

test("the responder's SPI is zero in the first message alone, and no SPI after that (§3.1)", () => {
  const world = new World();
  world.initiate();
  const spis = [world.wire[0]];
  world.deliver();
  spis.push(world.wire[0]);
  const headers = spis.map((datagram) => decodeIkeHeader(datagram?.octets ?? new Uint8Array(0)));
  assert.deepEqual(
    headers.map(({ initiatorSpi, responderSpi }) => [initiatorSpi === NO_IKE_SPI, responderSpi === NO_IKE_SPI]),
    [
      [false, true],
      [false, false],
    ],
  );
});
