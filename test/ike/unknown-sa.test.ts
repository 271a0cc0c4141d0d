/** SAs that only one end knows (RFC 7296 §1.5, §2.21.4): who is told, and how little is believed of what is not protected. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { espSpi } from "../../src/ipsec/names.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../../src/wire/iana/index.ts";
import { ikeSpi, NO_IKE_SPI } from "../../src/wire/ike-header.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/message.ts";
import { childSaNotFound, invalidSpi, notify } from "../../src/wire/notify.ts";
import { espSpiOctets } from "../../src/ike/esp-spi.ts";
import { assertAgreement, eventsOf, ikeStates } from "./harness/assertions.ts";
import { LEFT_ADDRESS, RIGHT_ADDRESS } from "./harness/configs.ts";
import { forgerIn, type Forger } from "./harness/forger.ts";
import { establishedWorld, World, type Host, type InFlight } from "./harness/world.ts";

/** The data plane of `host` has got ESP of the peer's on `spi`. */
function unknownEsp(world: World, host: Host, spi: number, from = world.peerOf(host).address, port = 4500): void {
  const [local, remote] = [
    { address: host.address, port: 4500 },
    { address: from, port },
  ];
  world.act(host, (endpoint) => endpoint.handleSadbEvent({ verb: "unknownSpi", spi: espSpi(spi), local, remote }, world.now));
}

/** What the peer sends on, of which the other end has lost the inbound half. */
const outboundSpi = (world: World, host: Host): number => world.status(host).childSas[0]?.spiOut ?? 0;

function inject(world: World, host: Host, octets: Uint8Array, from = world.peerOf(host).address): void {
  const [local, remote] = [host.address, from].map((address) => ({ address, port: 4500 }));
  assert.ok(local !== undefined && remote !== undefined);
  world.act(host, (endpoint) => endpoint.handleDatagram({ local, remote, octets }, world.now));
}

const UNPROTECTED = { exchangeType: ExchangeType.INFORMATIONAL, messageId: 0, isInitiator: true, isResponse: false };

/** Somebody tells the left end that its SPI is unknown. */
function forgeInvalidSpi(world: World, spi: number, from?: string): void {
  const header = { ...UNPROTECTED, initiatorSpi: NO_IKE_SPI, responderSpi: NO_IKE_SPI };
  inject(world, world.left, encodeMessage(header, [invalidSpi(espSpiOctets(espSpi(spi)))]), from);
}

/** Somebody who has seen the SPIs tells the left end that they are unknown. */
function forgeInvalidIkeSpi(world: World): void {
  const [ikeSa] = world.status(world.left).ikeSas;
  const [initiatorSpi, responderSpi] = [ikeSa?.initiatorSpi, ikeSa?.responderSpi].map((hex) => ikeSpi(BigInt(`0x${hex ?? 0}`)));
  assert.ok(initiatorSpi !== undefined && responderSpi !== undefined);
  const header = { ...UNPROTECTED, initiatorSpi, responderSpi, isInitiator: false, isResponse: true };
  inject(world, world.left, encodeMessage(header, [notify(NotifyType.INVALID_IKE_SPI)]));
}

describe("ESP on an unknown SPI", () => {
  test("from a peer with an IKE SA: INVALID_SPI under its protection, now and then", () => {
    const world = establishedWorld();
    unknownEsp(world, world.left, 0xabcdef01);
    unknownEsp(world, world.left, 0xabcdef02);
    assert.deepEqual(world.settle(), ["INFORMATIONAL 2 { N(INVALID_SPI) } -->", "<-- INFORMATIONAL 2 R { }"]);
    world.advance(10_000);
    unknownEsp(world, world.left, 0xabcdef03);
    assert.equal(world.settle().length, 2);
    assert.equal(eventsOf(world.left, "hint").length, 2);
    assertAgreement(world);
  });

  test("without UDP, from an address that has an IKE SA: the same, by that; else to the port of IKE", () => {
    const world = establishedWorld();
    unknownEsp(world, world.left, 0xabcdef01, RIGHT_ADDRESS, 0);
    assert.deepEqual(world.settle(), ["INFORMATIONAL 2 { N(INVALID_SPI) } -->", "<-- INFORMATIONAL 2 R { }"]);
    world.command(world.right, { verb: "flush" });
    unknownEsp(world, world.right, 0x01020304, LEFT_ADDRESS, 0);
    assert.deepEqual(
      world.wire.map(({ local, remote, marker }) => [local.port, remote, marker]),
      [[500, { address: LEFT_ADDRESS, port: 500 }, false]],
    );
  });

  test("without UDP, and the peer's IKE is at the port of NAT traversal alone: from ours, with the marker that is read there", () => {
    const world = establishedWorld({ right: { connection: { localPort: 4500, remotePort: 4500 } } });
    world.command(world.right, { verb: "flush" });
    unknownEsp(world, world.right, 0x01020304, LEFT_ADDRESS, 0);
    assert.deepEqual(
      world.wire.map(({ local, remote, marker }) => [local.port, remote.port, marker]),
      [[4500, 4500, true]],
    );
  });

  test("of an SA that has gone a moment ago, or is about to be: nothing", () => {
    const world = establishedWorld();
    const spi = world.status(world.left).childSas[0]?.spiIn ?? 0;
    world.closeChild(world.left);
    world.settle();
    unknownEsp(world, world.left, spi);
    assert.equal(world.wire.length, 0);
    world.advance(1000);
    unknownEsp(world, world.left, spi);
    assert.equal(world.wire.length, 1, "after its time of grace it is unknown");
  });

  test("from a peer without an IKE SA that a connection names: one unprotected notify, which nobody answers", () => {
    const world = establishedWorld();
    world.command(world.right, { verb: "flush" });
    unknownEsp(world, world.right, 0x01020304);
    unknownEsp(world, world.right, 0x01020304);
    assert.equal(world.wire.length, 1);
    const { header, payloads } = decodeMessage(world.wire[0]?.octets ?? new Uint8Array(0));
    assert.deepEqual([header.initiatorSpi, header.responderSpi, header.isInitiator], [NO_IKE_SPI, NO_IKE_SPI, true]);
    assert.deepEqual(payloads[0]?.type === "NOTIFY" && [...payloads[0].data], [1, 2, 3, 4]);
    assert.equal(world.deliver(), "<-- INFORMATIONAL 0 { N(INVALID_SPI) }");
    assert.equal(world.wire.length, 0);
  });

  test("from anybody else: nothing", () => {
    const world = establishedWorld();
    unknownEsp(world, world.left, 0x01020304, "203.0.113.9");
    assert.equal(world.wire.length, 0);
  });
});

describe("INVALID_SPI under protection", () => {
  /** The left end's word that it does not know the SPIs. */
  function tell(world: World, forger: Forger, messageId: number, ...spis: number[]): void {
    const payloads = spis.map((spi) => invalidSpi(espSpiOctets(espSpi(spi))));
    const octets = forger.request({ exchangeType: ExchangeType.INFORMATIONAL, messageId, payloads });
    inject(world, world.right, octets);
  }

  function setUp(): { world: World; forger: Forger } {
    const world = new World();
    const forger = forgerIn(world);
    world.initiate();
    world.settle();
    return { world, forger };
  }

  test("the Child SA is rekeyed: a peer that has it loses nothing", () => {
    const { world, forger } = setUp();
    const [old] = world.status(world.right).childSas;
    tell(world, forger, 2, old?.spiOut ?? 0);
    assert.match(world.settle()[0] ?? "", /CREATE_CHILD_SA 0 \{ N\(REKEY_SA\)/);
    assertAgreement(world);
    assert.notEqual(world.status(world.right).childSas[0]?.id, old?.id);
    assert.equal(eventsOf(world.right, "hint").length, 1);
    assert.equal(world.pass(world.right, 0), undefined);
  });

  test("a peer that has it not says CHILD_SA_NOT_FOUND, and it is made anew", () => {
    const { world, forger } = setUp();
    const spi = outboundSpi(world, world.right);
    tell(world, forger, 2, spi);
    world.wire.length = 0;
    const payloads = [childSaNotFound(ProtocolId.ESP, espSpiOctets(espSpi(world.status(world.right).childSas[0]?.spiIn ?? 0)))];
    inject(world, world.right, forger.fromInitiator({ exchangeType: ExchangeType.CREATE_CHILD_SA, messageId: 0, payloads }));
    assert.match(world.describe(world.wire[0] as InFlight), /CREATE_CHILD_SA 1 \{ SA, NONCE, TSi, TSr \}/);
  });

  test("again and again, or of an SPI that we do not use: passed over", () => {
    const { world, forger } = setUp();
    tell(world, forger, 2, 0xabcdef01);
    assert.equal(eventsOf(world.right, "hint").length, 0);
    tell(world, forger, 3, outboundSpi(world, world.right));
    world.wire.splice(0, 2);
    world.settle();
    const [now] = world.status(world.right).childSas;
    tell(world, forger, 4, now?.spiOut ?? 0);
    world.wire.length = 0;
    assert.equal(world.status(world.right).childSas[0]?.id, now?.id);
    assert.equal(eventsOf(world.right, "hint").length, 1);
  });
});

describe("unprotected hints", () => {
  test("INVALID_SPI from where the peer is: it is asked whether it lives, and no more than once in a while", () => {
    const world = establishedWorld();
    forgeInvalidSpi(world, outboundSpi(world, world.left));
    assert.deepEqual(world.settle(), ["INFORMATIONAL 2 { } -->", "<-- INFORMATIONAL 2 R { }"]);
    for (let round = 0; round < 100; round++) forgeInvalidSpi(world, outboundSpi(world, world.left));
    assert.equal(world.wire.length, 0);
    assertAgreement(world);
    world.advance(30_000);
    forgeInvalidSpi(world, outboundSpi(world, world.left));
    assert.equal(world.settle().length, 2);
  });

  test("INVALID_SPI from elsewhere, or of an SPI that we do not use: nothing", () => {
    const world = establishedWorld();
    forgeInvalidSpi(world, outboundSpi(world, world.left), "203.0.113.9");
    forgeInvalidSpi(world, 0x12345678);
    assert.equal(world.wire.length, 0);
    assertAgreement(world);
  });

  test("INVALID_IKE_SPI with the SPIs of an IKE SA: it is asked whether it lives; the SA stays", () => {
    const world = establishedWorld();
    forgeInvalidIkeSpi(world);
    assert.deepEqual(world.settle(), ["INFORMATIONAL 2 { } -->", "<-- INFORMATIONAL 2 R { }"]);
    assertAgreement(world);
    assert.equal(eventsOf(world.left, "hint").length, 1);
  });

  test("a peer that has truly lost its SAs: the check finds it out", () => {
    const world = establishedWorld();
    world.command(world.right, { verb: "flush" });
    unknownEsp(world, world.right, outboundSpi(world, world.left));
    world.run(300_000);
    assert.deepEqual(ikeStates(world), { left: [], right: [] });
    assert.equal(eventsOf(world.left, "peerUnreachable").length, 1);
  });
});
