/** Quick crash detection (RFC 6290): who gets a token, what it does, and how nobody else gets at it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NotifyType } from "../../src/wire/iana/index.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/message.ts";
import { findNotify, notify } from "../../src/wire/notify.ts";
import type { Payload } from "../../src/wire/payload.ts";
import { assertAgreement, childStates, eventsOf, ikeStates } from "./harness/assertions.ts";
import type { Side } from "./harness/configs.ts";
import { establishedWorld, type Host, type InFlight, type World, type WorldOptions } from "./harness/world.ts";

const BOTH: readonly Side[] = ["left", "right"];

/** With a liveness check of the left end's that waits to be delivered. */
function asking(options: WorldOptions): { world: World; question: InFlight } {
  const world = establishedWorld({ ...options, left: { ...options.left, connection: { ...options.left?.connection, dpdDelay: 5000 } } });
  world.advance(5000);
  return { world, question: world.hold("left") };
}

const tokenIn = (world: World, { octets }: InFlight): Uint8Array | undefined =>
  findNotify(world.reader.payloads(octets), NotifyType.QUICK_CRASH_DETECTION)?.data;

/** Wire octets at a host's door, from where the peer is. */
function inject(world: World, host: Host, octets: Uint8Array): void {
  const [local, remote] = [host, world.peerOf(host)].map(({ address }) => ({ address, port: 4500 }));
  assert.ok(local !== undefined && remote !== undefined);
  world.act(host, (endpoint) => endpoint.handleDatagram({ local, remote, octets }, world.now));
}

describe("a token", () => {
  test("goes with IKE_AUTH, of each end that makes any", () => {
    for (const tokenMakers of [BOTH, ["left"], ["right"], []] as const) {
      const world = establishedWorld({ tokenMakers });
      assertAgreement(world);
      world.closeIke(world.left);
      world.settle();
      world.initiate();
      const ladder = world.settle();
      assert.deepEqual(
        [ladder[2], ladder[3]].map((step) => step?.includes("N(QUICK_CRASH_DETECTION)")),
        [tokenMakers.some((side) => side === "left"), tokenMakers.some((side) => side === "right")],
      );
    }
  });

  test("with INVALID_IKE_SPI ends the IKE SA at once, whichever end has crashed", () => {
    for (const crashed of BOTH) {
      const world = establishedWorld({ tokenMakers: BOTH });
      const [dead, alive] = [world.host(crashed), world.peerOf(world.host(crashed))];
      world.command(dead, { verb: "flush" });
      world.rekeyChild(alive);
      const ladder = world.settle();
      assert.equal(ladder.length, 2, "nothing is retransmitted");
      assert.match(ladder[1] ?? "", /CREATE_CHILD_SA \d R \{ N\(INVALID_IKE_SPI\), N\(QUICK_CRASH_DETECTION\) \}/);
      assert.deepEqual(ikeStates(world), { left: [], right: [] });
      assert.deepEqual(childStates(world), { left: [], right: [] });
      assert.match(eventsOf(alive, "ikeDown")[0]?.why ?? "", /QUICK_CRASH_DETECTION/);
    }
  });

  test("children that are to be up are brought up again at once", () => {
    const { world, question } = asking({ tokenMakers: BOTH, left: { child: { startAction: "start" } } });
    world.command(world.right, { verb: "flush" });
    world.arrive(question);
    world.settle();
    assertAgreement(world);
    assert.equal(world.status(world.left).childSas.length, 1);
  });

  test("ESP that the crashed end does not know is enough to find it out", () => {
    const world = establishedWorld({ tokenMakers: BOTH });
    const spi = world.status(world.left).childSas[0]?.spiOut;
    assert.ok(spi !== undefined);
    world.command(world.right, { verb: "flush" });
    const [local, remote] = [world.right, world.left].map(({ address }) => ({ address, port: 4500 }));
    assert.ok(local !== undefined && remote !== undefined);
    world.act(world.right, (endpoint) => endpoint.handleSadbEvent({ verb: "unknownSpi", spi, local, remote }, world.now));
    assert.deepEqual(world.settle(), [
      "<-- INFORMATIONAL 0 { N(INVALID_SPI) }",
      "INFORMATIONAL 2 { } -->",
      "<-- INFORMATIONAL 2 R { N(INVALID_IKE_SPI), N(QUICK_CRASH_DETECTION) }",
    ]);
    assert.deepEqual(ikeStates(world).left, []);
  });
});

describe("after a rekey of the IKE SA", () => {
  for (const side of BOTH) {
    test(`by the ${side}: the responder's token goes along, the initiator's after it`, () => {
      const world = establishedWorld({ tokenMakers: BOTH });
      world.rekeyIke(world.host(side));
      const ladder = world.settle();
      assert.match(ladder[1] ?? "", /CREATE_CHILD_SA \d R \{ SA, NONCE, KE, N\(QUICK_CRASH_DETECTION\) \}/);
      assert.ok(ladder.some((step) => /INFORMATIONAL 0 \{ N\(QUICK_CRASH_DETECTION\) \}/.test(step)));
      for (const crashed of BOTH) {
        const again = establishedWorld({ tokenMakers: BOTH });
        again.rekeyIke(again.host(side));
        again.settle();
        again.command(again.host(crashed), { verb: "flush" });
        again.rekeyChild(again.peerOf(again.host(crashed)));
        assert.equal(again.settle().length, 2);
        assert.deepEqual(ikeStates(again), { left: [], right: [] });
      }
    });
  }
});

describe("without the token", () => {
  test("a peer that makes none is found by liveness alone", () => {
    const { world, question } = asking({});
    world.command(world.right, { verb: "flush" });
    world.arrive(question);
    assert.equal(world.deliver(), "<-- INFORMATIONAL 2 R { N(INVALID_IKE_SPI) }");
    assert.deepEqual(ikeStates(world).left, ["ESTABLISHED"]);
  });

  test("a wrong one, or one of a size that is none, ends nothing", () => {
    for (const length of [0, 15, 32, 129]) {
      const { world, question } = asking({ tokenMakers: BOTH });
      const { header } = decodeMessage(question.octets);
      const forged: Payload[] = [
        notify(NotifyType.INVALID_IKE_SPI),
        ...Array.from({ length: 20 }, () => notify(NotifyType.QUICK_CRASH_DETECTION, new Uint8Array(length))),
      ];
      inject(world, world.left, encodeMessage({ ...header, isInitiator: !header.isInitiator, isResponse: true }, forged));
      assert.deepEqual(ikeStates(world).left, ["ESTABLISHED"]);
      world.arrive(question);
      world.settle();
      assertAgreement(world);
    }
  });

  test("that of a living IKE SA is not to be had, with its SPIs either way round (§9.2)", () => {
    const { world, question } = asking({ tokenMakers: BOTH });
    const { header } = decodeMessage(question.octets);
    const sealed: Payload = { type: "SK", firstInner: 0, body: new Uint8Array(40) };
    for (const isInitiator of [true, false]) {
      inject(world, world.right, encodeMessage({ ...header, isInitiator }, [sealed]));
      inject(world, world.left, encodeMessage({ ...header, isInitiator }, [sealed]));
    }
    for (const datagram of world.wire) assert.equal(tokenIn(world, datagram), undefined);
    world.wire.length = 0;
    world.arrive(question);
    world.settle();
    assertAgreement(world);
  });
});
