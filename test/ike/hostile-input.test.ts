/** Whatever the network brings: a counted drop, or the answer that RFC 7296 asks for; never an exception, never state without end. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DROP_REASONS } from "../../src/ike/counters.ts";
import { ExchangeType, NotifyType } from "../../src/wire/iana/index.ts";
import { ikeSpi } from "../../src/wire/ike-header.ts";
import { decodeMessage, encodeMessage, type MessageHeader } from "../../src/wire/message.ts";
import type { Payload } from "../../src/wire/payload.ts";
import { assertAgreement, childStates, eventsOf, ikeStates } from "./harness/assertions.ts";
import { forgerIn, type Forger } from "./harness/forger.ts";
import { seededRandom, type Random } from "./harness/random.ts";
import { establishedWorld, World, type Host, type InFlight } from "./harness/world.ts";

/** An octet string at a host's door, from where the peer is. */
function inject(world: World, host: Host, octets: Uint8Array, port = 4500): void {
  const { address } = world.peerOf(host);
  world.act(host, (endpoint) =>
    endpoint.handleDatagram({ local: { address: host.address, port }, remote: { address, port }, octets }, world.now),
  );
}

const drops = (world: World, host: Host): Readonly<Record<string, number>> => world.status(host).counters.drops;

/** Protected, under keys that nobody here has. */
const UNREADABLE: Payload = { type: "SK", firstInner: 0, body: new Uint8Array(40) };

const header = (fields: Partial<MessageHeader>): MessageHeader => ({
  initiatorSpi: ikeSpi(0x1111n),
  responderSpi: ikeSpi(0n),
  exchangeType: ExchangeType.IKE_SA_INIT,
  isInitiator: true,
  isResponse: false,
  messageId: 0,
  ...fields,
});

describe("without keys", () => {
  test("noise is dropped and counted", () => {
    const world = establishedWorld();
    const random = seededRandom(1);
    for (let round = 0; round < 500; round++) {
      const octets = Uint8Array.from({ length: random.below(200) }, () => random.below(256));
      inject(world, world.right, octets);
    }
    assert.equal(world.wire.filter(({ octets }) => octets.length > 100).length, 0);
    assert.ok(Object.keys(drops(world, world.right)).every((reason) => reason in DROP_REASONS));
    assertAgreement(world);
  });

  test("a higher major version is told ours, a lower one nothing", () => {
    const world = new World();
    inject(world, world.right, encodeMessage(header({ majorVersion: 3 }), []));
    assert.equal(world.wire.length, 1);
    assert.equal(world.lose(), "<-- IKE_SA_INIT 0 R { N(INVALID_MAJOR_VERSION) }");
    inject(world, world.right, encodeMessage(header({ majorVersion: 1 }), []));
    inject(world, world.right, encodeMessage(header({ majorVersion: 3, isResponse: true }), []));
    assert.equal(world.wire.length, 0);
    assert.deepEqual(drops(world, world.right), { version: 3 });
  });

  test("an IKE SA that does not exist: INVALID_IKE_SPI, and not too often", () => {
    const world = establishedWorld();
    const unknown = header({ responderSpi: ikeSpi(0x2222n), exchangeType: ExchangeType.INFORMATIONAL, messageId: 7 });
    inject(world, world.right, encodeMessage(unknown, [UNREADABLE]));
    assert.equal(world.lose(), "<-- INFORMATIONAL 7 R { N(INVALID_IKE_SPI) }");
    for (let round = 0; round < 1000; round++) inject(world, world.right, encodeMessage(unknown, [UNREADABLE]));
    assert.ok(world.wire.length < 10, `${world.wire.length} answers to 1000 messages`);
    world.wire.length = 0;
    world.advance(60_000);
    inject(world, world.right, encodeMessage({ ...unknown, isResponse: true }, [UNREADABLE]));
    inject(world, world.right, encodeMessage(unknown, []));
    assert.equal(world.wire.length, 0, "a response is never answered, nor is what is not protected");
    assert.equal(drops(world, world.right)["unknownSpi"], 1003);
    assertAgreement(world);
  });

  test("a critical payload that is unknown: UNSUPPORTED_CRITICAL_PAYLOAD, without state; one that is not critical is passed over", () => {
    const world = new World();
    world.initiate();
    const [request] = world.wire.splice(0);
    assert.ok(request !== undefined);
    const { header: original, payloads } = decodeMessage(request.octets);
    const unknown = (critical: boolean): Payload => ({ type: "UNKNOWN", payloadType: 200, critical, body: new Uint8Array(3) });
    inject(world, world.right, encodeMessage(original, [...payloads, unknown(true)]), 500);
    assert.equal(world.lose(), "<-- IKE_SA_INIT 0 R { N(UNSUPPORTED_CRITICAL_PAYLOAD) }");
    assert.deepEqual(ikeStates(world).right, []);
    inject(world, world.right, encodeMessage(original, [...payloads, unknown(false)]), 500);
    assert.deepEqual(ikeStates(world).right, ["HALF_OPEN"]);
  });

  test("an IKE_SA_INIT without what it needs, or with it twice: INVALID_SYNTAX, without state", () => {
    const world = new World();
    world.initiate();
    const [request] = world.wire.splice(0);
    assert.ok(request !== undefined);
    const { header: original, payloads } = decodeMessage(request.octets);
    for (const type of ["SA", "KE", "NONCE"]) {
      for (const changed of [
        payloads.filter((payload) => payload.type !== type),
        payloads.flatMap((payload) => (payload.type === type ? [payload, payload] : [payload])),
      ]) {
        inject(world, world.right, encodeMessage(original, changed), 500);
        assert.equal(world.lose(), "<-- IKE_SA_INIT 0 R { N(INVALID_SYNTAX) }", type);
      }
    }
    assert.deepEqual(ikeStates(world).right, []);
  });

  test("a public value that is none: INVALID_SYNTAX", () => {
    const world = new World();
    world.initiate();
    const [request] = world.wire.splice(0);
    assert.ok(request !== undefined);
    const { header: original, payloads } = decodeMessage(request.octets);
    for (const data of [new Uint8Array(32), new Uint8Array(31), new Uint8Array(0)]) {
      const changed = payloads.map((payload) => (payload.type === "KE" ? { ...payload, data } : payload));
      inject(world, world.right, encodeMessage(original, changed), 500);
      assert.equal(world.lose(), "<-- IKE_SA_INIT 0 R { N(INVALID_SYNTAX) }");
    }
    assert.deepEqual(ikeStates(world).right, []);
  });

  test("our own messages, come back", () => {
    const world = establishedWorld();
    world.rekeyChild(world.left);
    const [request] = world.wire;
    assert.ok(request !== undefined);
    inject(world, world.left, request.octets);
    assert.deepEqual(childStates(world).left, ["REKEYING"]);
    world.settle();
    assertAgreement(world);
  });

  test("answers to IKE_SA_INIT that are malformed do not fail the attempt", () => {
    const world = new World();
    world.initiate();
    const [request] = world.wire;
    assert.ok(request !== undefined);
    const initiatorSpi = decodeMessage(request.octets).header.initiatorSpi;
    const answer = header({ initiatorSpi, responderSpi: ikeSpi(5n), isInitiator: false, isResponse: true });
    inject(world, world.left, encodeMessage(answer, []), 500);
    inject(world, world.left, encodeMessage({ ...answer, messageId: 3 }, []), 500);
    inject(world, world.left, encodeMessage({ ...answer, isInitiator: true }, []), 500);
    assert.deepEqual(ikeStates(world).left, ["INITIATING"]);
    assert.equal(drops(world, world.left)["answerRefused"], 3);
    world.settle();
    assertAgreement(world);
  });

  test("a flood of IKE_SA_INIT: cookies first, then no more than the limits", () => {
    const limits = { cookieThreshold: 10, halfOpenLimit: 20, perSourceLimit: 1000 };
    const world = new World({ right: { endpoint: limits, connection: { remoteAddrs: ["%any"] } } });
    world.initiate();
    const [request] = world.wire.splice(0);
    assert.ok(request !== undefined);
    for (let round = 1; round <= 500; round++) {
      const { header: original, payloads } = decodeMessage(request.octets);
      const octets = encodeMessage({ ...original, initiatorSpi: ikeSpi(BigInt(round)) }, payloads);
      const remote = { address: `198.51.100.${round % 250}`, port: 500 };
      world.act(world.right, (endpoint) =>
        endpoint.handleDatagram({ local: { address: "192.0.2.2", port: 500 }, remote, octets }, world.now),
      );
    }
    assert.equal(world.status(world.right).counters.halfOpen, 10);
    assert.equal(world.status(world.right).counters.cookiesSent, 490);
    world.wire.length = 0;
    world.advance(31_000);
    assert.equal(world.status(world.right).counters.halfOpen, 0);
    assert.deepEqual(world.status(world.right).ikeSas, []);
  });
});

describe("mutations of real messages", () => {
  /** Every message of a conversation in which everything happens. */
  function conversation(): { world: World; messages: InFlight[] } {
    const world = new World({ cpus: 2, left: { child: { perCpuSas: true } }, right: { child: { perCpuSas: true } } });
    const messages: InFlight[] = [];
    const settle = (): void => {
      while (world.wire[0] !== undefined) {
        messages.push(world.wire[0]);
        world.deliver();
      }
    };
    world.initiate();
    settle();
    world.pass(world.left, 1);
    settle();
    for (const host of world.hosts) {
      world.rekeyChild(host);
      settle();
      world.rekeyIke(host);
      settle();
    }
    return { world, messages };
  }

  function mutate(octets: Uint8Array, random: Random): Uint8Array {
    const copy = octets.slice();
    switch (random.below(5)) {
      case 0:
        copy[random.below(copy.length)] = random.below(256);
        return copy;
      case 1:
        return copy.subarray(0, random.below(copy.length));
      case 2:
        return Uint8Array.from([...copy, ...copy.subarray(0, random.below(50))]);
      case 3: {
        // With a length that is right again.
        const cut = copy.slice(0, 28 + random.below(copy.length - 27));
        new DataView(cut.buffer).setUint32(24, cut.length);
        return cut;
      }
      default:
        for (let count = random.below(20); count >= 0; count--) copy[16 + random.below(copy.length - 16)] = random.below(256);
        return copy;
    }
  }

  test("5000 of them at two established hosts change nothing", () => {
    const { world, messages } = conversation();
    const random = seededRandom(42);
    for (let round = 0; round < 5000; round++) {
      const message = random.pick(messages);
      assert.ok(message !== undefined);
      const host = random.chance(0.8) ? world.peerOf(world.host(message.from)) : world.host(message.from);
      inject(world, host, mutate(message.octets, random), random.chance(0.2) ? 500 : 4500);
      if (round % 100 === 0) world.wire.length = 0;
    }
    world.wire.length = 0;
    world.run(200_000);
    assertAgreement(world);
    assert.equal(world.status(world.left).childSas.length, 2);
  });

  /** Lets a handshake begin, and sends a hundred mutations of each message for which `isTarget` holds before the message itself. */
  function handshake(seed: number, isTarget: (index: number) => boolean): World {
    const random = seededRandom(seed);
    const world = new World({ seed });
    world.initiate();
    for (let index = 0; world.wire.length > 0; index++) {
      const real = world.hold();
      const before = world.wire.length;
      for (let round = 0; isTarget(index) && round < 100; round++) {
        inject(world, world.peerOf(world.host(real.from)), mutate(real.octets, random), real.remote.port);
      }
      // Answers to the mutations go elsewhere.
      world.wire.length = before;
      world.arrive(real);
    }
    return world;
  }

  function assertUp(world: World): void {
    assert.deepEqual(ikeStates(world), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
    assert.deepEqual(childStates(world), { left: ["INSTALLED"], right: ["INSTALLED"] });
    assertAgreement(world);
    for (const host of world.hosts) {
      assert.equal(world.pass(host, 0), undefined);
      assert.equal(world.status(host).counters.halfOpen, 0);
    }
  }

  const [INIT_REQUEST, INIT_ANSWER, AUTH_REQUEST, AUTH_ANSWER] = [0, 1, 2, 3];

  test("each message of IKE_AUTH, mutated a hundred times before the real one comes: the handshake succeeds all the same, and at once", () => {
    for (let seed = 1; seed <= 20; seed++) {
      assertUp(handshake(seed, (index) => index === AUTH_REQUEST || index === AUTH_ANSWER));
    }
  });

  test("the request of IKE_SA_INIT too, which nothing protects: it succeeds when the responder has forgotten the mutations", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = handshake(seed, (index) => index === INIT_REQUEST);
      world.run(100_000);
      assertUp(world);
      assert.equal(eventsOf(world.left, "connectionFailed").length, 0, "in the same attempt");
    }
  });

  test("the answer of IKE_SA_INIT, which nothing protects: it succeeds or is given up, nothing is left, and the next attempt succeeds", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = handshake(seed, (index) => index === INIT_ANSWER);
      world.run(300_000);
      const { left, right } = ikeStates(world);
      assert.deepEqual(left, right);
      if (left.length === 0) {
        assert.equal(eventsOf(world.left, "connectionFailed").length, 1, "the operator is told");
        world.initiate();
        world.settle();
      }
      assertUp(world);
    }
  });
});

describe("with keys: a peer that does not keep to the protocol", () => {
  const request = (
    exchangeType: number,
    payloads: readonly Payload[],
    messageId = 2,
  ): { exchangeType: number; messageId: number; payloads: readonly Payload[] } => ({
    exchangeType,
    messageId,
    payloads,
  });

  function forged(): { world: World; forger: Forger } {
    const world = new World();
    const forger = forgerIn(world);
    world.initiate();
    world.settle();
    return { world, forger };
  }

  test("an unknown critical payload inside: UNSUPPORTED_CRITICAL_PAYLOAD, and the IKE SA lives on", () => {
    const { world, forger } = forged();
    inject(
      world,
      world.right,
      forger.request(request(ExchangeType.INFORMATIONAL, [{ type: "UNKNOWN", payloadType: 201, critical: true, body: new Uint8Array(1) }])),
    );
    assert.equal(world.lose(), "<-- INFORMATIONAL 2 R { N(UNSUPPORTED_CRITICAL_PAYLOAD) }");
    assert.deepEqual(ikeStates(world).right, ["ESTABLISHED"]);
  });

  test("a malformed payload inside: INVALID_SYNTAX under protection, and that IKE SA is over", () => {
    const { world, forger } = forged();
    inject(
      world,
      world.right,
      forger.request(request(ExchangeType.INFORMATIONAL, [{ type: "UNKNOWN", payloadType: 42, critical: false, body: Uint8Array.of(9) }])),
    );
    assert.equal(world.lose(), "<-- INFORMATIONAL 2 R { N(INVALID_SYNTAX) }");
    assert.deepEqual(ikeStates(world).right, []);
    assert.deepEqual(childStates(world).right, []);
    assert.match(eventsOf(world.right, "ikeDown")[0]?.why ?? "", /malformed/);
  });

  test("an exchange that has no place here: INVALID_SYNTAX, and the IKE SA lives on", () => {
    const { world, forger } = forged();
    for (const [index, exchangeType] of [ExchangeType.IKE_AUTH, 240].entries()) {
      inject(world, world.right, forger.request(request(exchangeType, [], 2 + index)));
      assert.match(world.lose(), /N\(INVALID_SYNTAX\)/);
    }
    assert.deepEqual(ikeStates(world).right, ["ESTABLISHED"]);
  });

  test("CREATE_CHILD_SA without its payloads", () => {
    const { world, forger } = forged();
    inject(world, world.right, forger.request(request(ExchangeType.CREATE_CHILD_SA, [{ type: "NONCE", data: new Uint8Array(32) }])));
    assert.match(world.lose(), /N\(INVALID_SYNTAX\)/);
    assert.deepEqual(ikeStates(world).right, []);
  });

  test("an unknown status notify and unknown vendor IDs are passed over", () => {
    const { world, forger } = forged();
    const strange: Payload[] = [
      { type: "NOTIFY", protocolId: 0, spi: new Uint8Array(0), notifyType: 39_999, data: new Uint8Array(4) },
      { type: "VENDOR", data: new Uint8Array(16) },
    ];
    inject(world, world.right, forger.request(request(ExchangeType.INFORMATIONAL, strange)));
    assert.equal(world.lose(), "<-- INFORMATIONAL 2 R { }");
    assert.deepEqual(ikeStates(world).right, ["ESTABLISHED"]);
  });

  test("message IDs outside the window are ignored", () => {
    const { world, forger } = forged();
    for (const messageId of [0, 18, 1000, 0xffffffff])
      inject(world, world.right, forger.request(request(ExchangeType.INFORMATIONAL, [], messageId)));
    assert.equal(world.wire.length, 0);
    assert.equal(drops(world, world.right)["outsideWindow"], 4);
  });

  test("a Delete or a rekey of what is not there", () => {
    const { world, forger } = forged();
    const spi = Uint8Array.of(9, 9, 9, 9);
    inject(
      world,
      world.right,
      forger.request(request(ExchangeType.INFORMATIONAL, [{ type: "DELETE", protocolId: 3, spiSize: 4, spis: [spi] }])),
    );
    assert.equal(world.lose(), "<-- INFORMATIONAL 2 R { }");
    const rekey: Payload = { type: "NOTIFY", protocolId: 3, spi, notifyType: NotifyType.REKEY_SA, data: new Uint8Array(0) };
    inject(world, world.right, forger.request(request(ExchangeType.CREATE_CHILD_SA, [rekey], 3)));
    assert.equal(world.lose(), "<-- CREATE_CHILD_SA 3 R { N(CHILD_SA_NOT_FOUND) }");
    assert.deepEqual(childStates(world).right, ["INSTALLED"]);
  });

  test("an answer with more than was offered: the Child SA is not installed, and the peer is told", () => {
    const { world, forger } = forged();
    world.closeChild(world.left);
    world.settle();
    world.initiate();
    world.wire.length = 0;
    const answer: Payload[] = [
      {
        type: "SA",
        proposals: [
          {
            number: 1,
            protocolId: 3,
            spi: Uint8Array.of(1, 2, 3, 4),
            transforms: [
              { type: 1, id: 20, keyLength: 128 },
              { type: 5, id: 0 },
            ],
          },
        ],
      },
      { type: "NONCE", data: new Uint8Array(32) },
      { type: "TSi", selectors: [{ family: 4, protocol: 0, startPort: 0, endPort: 65535, start: 0n, end: 0xffffffffn }] },
      { type: "TSr", selectors: [{ family: 4, protocol: 0, startPort: 0, endPort: 65535, start: 0n, end: 0xffffffffn }] },
    ];
    inject(world, world.left, forger.response({ exchangeType: ExchangeType.CREATE_CHILD_SA, messageId: 3, payloads: answer }));
    assert.equal(world.lose(), "INFORMATIONAL 4 { D(1) } -->");
    assert.deepEqual(childStates(world).left, []);
    assert.deepEqual(ikeStates(world).left, ["ESTABLISHED"]);
    assert.match(eventsOf(world.left, "peerRefused")[0]?.text ?? "", /wider than those offered/);
  });

  test("a peer that is not authenticated yet can ask for nothing", () => {
    const world = new World();
    const forger = forgerIn(world);
    world.initiate();
    world.deliver();
    world.deliver();
    // The left end waits for the answer to IKE_AUTH; whoever has its key exchange asks it for something.
    const asks = forger.fromResponder({
      exchangeType: ExchangeType.INFORMATIONAL,
      messageId: 0,
      payloads: [{ type: "DELETE", protocolId: 1, spiSize: 0, spis: [] }],
    });
    inject(world, world.left, asks);
    assert.deepEqual(ikeStates(world).left, ["AUTHENTICATING"]);
    // And the right end, which has authenticated nobody, is asked as well.
    inject(world, world.right, forger.request(request(ExchangeType.CREATE_CHILD_SA, [], 1)));
    assert.deepEqual(childStates(world), { left: [], right: [] });
    assert.deepEqual(ikeStates(world).right, []);
  });

  test("an answer that is malformed inside ends the IKE SA with a Delete", () => {
    const { world, forger } = forged();
    world.rekeyChild(world.left);
    world.wire.length = 0;
    const bad: Payload = { type: "UNKNOWN", payloadType: 42, critical: false, body: Uint8Array.of(9) };
    inject(world, world.left, forger.response({ exchangeType: ExchangeType.CREATE_CHILD_SA, messageId: 2, payloads: [bad] }));
    assert.equal(world.lose(), "INFORMATIONAL 3 { D(IKE) } -->");
    assert.deepEqual(ikeStates(world).left, ["DELETING"]);
  });
});
