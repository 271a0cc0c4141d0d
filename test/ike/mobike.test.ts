/** MOBIKE (RFC 4555): IKE SAs and their Child SAs go to other addresses, for either end, whatever is lost on the way. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConnectionConfig } from "../../src/ike/config.ts";
import type { SocketAddress } from "../../src/ipsec/sadb.ts";
import { addressOctets, parseAddress } from "../../src/wire/address.ts";
import { ExchangeType, NotifyType } from "../../src/wire/iana/index.ts";
import { decodeIkeHeader } from "../../src/wire/ike-header.ts";
import { cookie2, noNatsAllowed, notify, updateSaAddresses } from "../../src/wire/notify.ts";
import type { NotifyPayload } from "../../src/wire/payload.ts";
import { assertAgreement, eventsOf, ikeStates } from "./harness/assertions.ts";
import { LEFT_ADDRESS, RIGHT_ADDRESS } from "./harness/configs.ts";
import { forgerIn, type Forger } from "./harness/forger.ts";
import { World, establishedWorld, type Host, type InFlight } from "./harness/world.ts";

const SECOND_LEFT = "198.51.100.1";
const THIRD_LEFT = "198.51.100.33";
const SECOND_RIGHT = "198.51.100.2";

const MOVE = "N(UPDATE_SA_ADDRESSES), N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP), N(COOKIE2)";
const MOVED = "N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP), N(COOKIE2)";

interface Settings {
  readonly left?: Partial<ConnectionConfig>;
  readonly right?: Partial<ConnectionConfig>;
  readonly cpus?: number;
}

/** Both ends may use any address they have; the right one has two. */
function mobileWorld({ left, right, cpus = 1 }: Settings = {}): World {
  const connection = { mobike: true, localAddrs: ["%any"] };
  const child = { perCpuSas: true };
  const world = new World({
    cpus,
    left: { connection: { ...connection, ...left }, child },
    right: { connection: { ...connection, remoteAddrs: ["%any"], ...right }, child },
  });
  world.right.endpoint.addLocalAddress(SECOND_RIGHT);
  world.initiate();
  world.settle();
  return world;
}

const addresses = (world: World, host: Host): (SocketAddress | undefined)[] => {
  const [ikeSa] = world.status(host).ikeSas;
  return [ikeSa?.local, ikeSa?.remote];
};

const at = (address: string): SocketAddress => ({ address, port: 4500 });

function haveAddresses(world: World, host: Host, ...present: string[]): void {
  world.act(host, (endpoint) => endpoint.handleLocalAddresses(present, world.now));
}

/** Where the data plane sends each Child SA that has been moved. */
function movedTo({ dataPlane }: Host): Map<number, SocketAddress> {
  return new Map(dataPlane.log.flatMap((message) => (message.verb === "updateAddresses" ? [[message.id, message.remote] as const] : [])));
}

describe("who takes part", () => {
  test("both say so in IKE_AUTH, with their other addresses", () => {
    const world = new World({
      left: { connection: { mobike: true } },
      right: { connection: { mobike: true, localAddrs: ["%any"] } },
    });
    world.right.endpoint.addLocalAddress(SECOND_RIGHT);
    world.initiate();
    const ladder = world.settle();
    assert.match(ladder[2] ?? "", /TSi, TSr, N\(MOBIKE_SUPPORTED\) } -->$/);
    assert.match(ladder[3] ?? "", /TSi, TSr, N\(MOBIKE_SUPPORTED\), N\(ADDITIONAL_IP4_ADDRESS\) }$/);
  });

  for (const { left, right } of [
    { left: { mobike: false }, right: {} },
    { left: {}, right: { mobike: false } },
  ]) {
    test(`without the ${left.mobike === false ? "initiator" : "responder"} nothing is said of addresses`, () => {
      const world = mobileWorld({ left, right });
      haveAddresses(world, world.left, SECOND_LEFT);
      assert.deepEqual(world.wire, []);
      assert.deepEqual(addresses(world, world.left), [at(LEFT_ADDRESS), at(RIGHT_ADDRESS)]);
    });
  }
});

describe("the initiator's address changes", () => {
  test("the peer is told, checks that we are there, and sends every Child SA's packets there", () => {
    const world = mobileWorld({ cpus: 3 });
    for (const cpu of [1, 2]) world.send(world.left, cpu);
    world.settle();
    assert.equal(world.status(world.right).childSas.length, 3);
    haveAddresses(world, world.left, SECOND_LEFT);
    assert.equal(world.deliver(), `INFORMATIONAL 4 { ${MOVE} } -->`);
    assert.deepEqual(addresses(world, world.right), [at(RIGHT_ADDRESS), at(SECOND_LEFT)], "IKE goes there at once");
    assert.equal(movedTo(world.right).size, 0, "ESP waits for the check");
    assert.deepEqual(world.settle(), [
      `<-- INFORMATIONAL 4 R { ${MOVED} }`,
      "<-- INFORMATIONAL 0 { N(COOKIE2) }",
      "INFORMATIONAL 0 R { N(COOKIE2) } -->",
    ]);
    assert.deepEqual([...movedTo(world.right).values()], new Array(3).fill(at(SECOND_LEFT)));
    assert.equal(movedTo(world.left).size, 3, "ours come from there");
    assert.deepEqual(eventsOf(world.left, "localMoved")[0]?.to, at(SECOND_LEFT));
    assert.deepEqual(eventsOf(world.right, "peerMoved")[0]?.to, at(SECOND_LEFT));
    assertAgreement(world);
  });

  test("an address beside the one in use changes nothing but what the peer knows", () => {
    const world = mobileWorld();
    haveAddresses(world, world.left, LEFT_ADDRESS, SECOND_LEFT);
    assert.deepEqual(world.settle(), ["INFORMATIONAL 2 { N(ADDITIONAL_IP4_ADDRESS) } -->", "<-- INFORMATIONAL 2 R { }"]);
    haveAddresses(world, world.left, LEFT_ADDRESS, SECOND_LEFT);
    assert.deepEqual(world.wire, [], "said once");
    haveAddresses(world, world.left, LEFT_ADDRESS);
    assert.deepEqual(world.settle(), ["INFORMATIONAL 3 { N(NO_ADDITIONAL_ADDRESSES) } -->", "<-- INFORMATIONAL 3 R { }"]);
    assert.deepEqual(addresses(world, world.right), [at(RIGHT_ADDRESS), at(LEFT_ADDRESS)]);
  });

  test("without any address it waits for the next one", () => {
    const world = mobileWorld();
    haveAddresses(world, world.left);
    assert.deepEqual(world.wire, []);
    haveAddresses(world, world.left, SECOND_LEFT);
    world.settle();
    assert.deepEqual(addresses(world, world.right)[1], at(SECOND_LEFT));
  });

  test("the update is lost: it is sent again, and the peer follows", () => {
    const world = mobileWorld();
    haveAddresses(world, world.left, SECOND_LEFT);
    world.lose();
    world.run(3000);
    assert.deepEqual(addresses(world, world.right)[1], at(SECOND_LEFT));
    assert.deepEqual([...movedTo(world.right).values()], [at(SECOND_LEFT)]);
  });

  test("it changes again before the answer comes: the old answer does not count, a second update follows", () => {
    const world = mobileWorld();
    haveAddresses(world, world.left, SECOND_LEFT);
    world.deliver();
    haveAddresses(world, world.left, THIRD_LEFT);
    const ladder = world.settle();
    assert.ok(ladder.includes(`INFORMATIONAL 3 { ${MOVE} } -->`), ladder.join("\n"));
    assert.deepEqual(addresses(world, world.right)[1], at(THIRD_LEFT));
    assert.deepEqual([...movedTo(world.right).values()].at(-1), at(THIRD_LEFT));
    assert.deepEqual(ikeStates(world), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
  });

  test("a request that is not answered is sent again from the new address, bit by bit the same, and moves nobody by itself", () => {
    const world = mobileWorld({ left: { dpdDelay: 10_000 } });
    world.advance(10_000);
    const request = world.hold();
    haveAddresses(world, world.left, SECOND_LEFT);
    const [repetition] = world.wire;
    assert.deepEqual(repetition?.local, at(SECOND_LEFT));
    assert.deepEqual(repetition.octets, request.octets);
    world.deliver();
    assert.deepEqual(addresses(world, world.right)[1], at(LEFT_ADDRESS), "only an update moves IKE");
    assert.deepEqual(
      world.wire.find(({ from }) => from === "right")?.remote,
      at(SECOND_LEFT),
      "the answer goes to where the request came from",
    );
    world.settle();
    assert.deepEqual(addresses(world, world.right)[1], at(SECOND_LEFT));
  });

  test("an older update that comes later is answered, and is not followed", () => {
    const world = mobileWorld();
    world.rekeyChild(world.left);
    world.settle();
    haveAddresses(world, world.left, SECOND_LEFT);
    const older = world.hold();
    // The window lets a second one go while the first is not answered.
    haveAddresses(world, world.left, THIRD_LEFT);
    const [repetition, newer] = world.wire.splice(0);
    assert.ok(repetition !== undefined && newer !== undefined);
    world.arrive(newer);
    assert.deepEqual(addresses(world, world.right)[1], at(THIRD_LEFT));
    world.arrive(older);
    assert.deepEqual(addresses(world, world.right)[1], at(THIRD_LEFT));
    world.settle();
    assert.deepEqual([...movedTo(world.right).values()].at(-1), at(THIRD_LEFT));
  });

  test("MOBIKE and the addresses pass on to the IKE SA that replaces this one, whoever rekeys", () => {
    for (const side of ["left", "right"] as const) {
      const world = mobileWorld();
      world.rekeyIke(world.host(side));
      world.settle();
      haveAddresses(world, world.left, SECOND_LEFT);
      world.settle();
      assert.deepEqual(addresses(world, world.right)[1], at(SECOND_LEFT), side);
      assertAgreement(world);
    }
  });

  test("during the peer's rekey of the IKE SA: the new one goes to the new address", () => {
    const world = mobileWorld();
    world.rekeyIke(world.right);
    haveAddresses(world, world.left, SECOND_LEFT);
    world.run(5000);
    assert.deepEqual(addresses(world, world.right), [at(RIGHT_ADDRESS), at(SECOND_LEFT)]);
    assertAgreement(world);
  });
});

describe("the responder's address changes", () => {
  test("it tells from its new one, and the initiator decides to go there", () => {
    const world = mobileWorld();
    haveAddresses(world, world.right, SECOND_RIGHT);
    const ladder = world.settle();
    assert.equal(ladder[0], "<-- INFORMATIONAL 0 { N(NO_ADDITIONAL_ADDRESSES) }");
    assert.ok(ladder.includes(`INFORMATIONAL 2 { ${MOVE} } -->`), ladder.join("\n"));
    assert.deepEqual(addresses(world, world.left), [at(LEFT_ADDRESS), at(SECOND_RIGHT)]);
    assert.deepEqual([...movedTo(world.left).values()], [at(SECOND_RIGHT)]);
    assertAgreement(world);
  });

  test("the peer does not answer any more: the initiator tries its other address", () => {
    const world = mobileWorld({ left: { dpdDelay: 1000 } });
    world.carry = (datagram: InFlight) => {
      const isDead = [datagram.local.address, datagram.remote.address].includes(RIGHT_ADDRESS);
      if (!isDead) world.wire.push(datagram);
    };
    world.run(200_000);
    assert.deepEqual(addresses(world, world.left), [at(LEFT_ADDRESS), at(SECOND_RIGHT)]);
    assert.deepEqual(addresses(world, world.right), [at(SECOND_RIGHT), at(LEFT_ADDRESS)]);
    assert.equal(eventsOf(world.left, "peerUnreachable").length, 0);
  });

  test("by none of its addresses: it is given up", () => {
    const world = mobileWorld({ left: { dpdDelay: 1000 } });
    world.carry = () => undefined;
    world.run(600_000);
    assert.deepEqual(ikeStates(world).left, []);
    assert.equal(eventsOf(world.left, "peerUnreachable").length, 1);
  });
});

describe("a NAT on the way", () => {
  /** Translates what the left end sends. */
  function behindNat(world: World, outside: SocketAddress): void {
    world.carry = (datagram: InFlight) => {
      const inside = world.status(world.left).ikeSas[0]?.local.address ?? LEFT_ADDRESS;
      world.wire.push(
        datagram.from === "left"
          ? { ...datagram, local: outside }
          : { ...datagram, remote: { address: inside, port: datagram.local.port } },
      );
    };
  }

  test("it appears with the new address: both ends find it, and the mapping is kept open", () => {
    const world = mobileWorld({ left: { encap: false }, right: { encap: false } });
    assert.equal(world.status(world.left).ikeSas[0]?.natHere, false);
    const outside = { address: "203.0.113.7", port: 40_000 };
    behindNat(world, outside);
    haveAddresses(world, world.left, SECOND_LEFT);
    world.settle();
    assert.equal(world.status(world.left).ikeSas[0]?.natHere, true);
    assert.equal(world.status(world.right).ikeSas[0]?.natThere, true);
    assert.deepEqual(addresses(world, world.right)[1], outside);
    world.advance(61_000);
    assert.deepEqual(world.left.keepalives, new Array(3).fill(at(RIGHT_ADDRESS)));
  });

  test("it forgets: the next liveness check shows that, and the peer is told", () => {
    const world = mobileWorld({ left: { dpdDelay: 30_000, encap: false }, right: { encap: false } });
    behindNat(world, { address: "203.0.113.7", port: 40_000 });
    haveAddresses(world, world.left, SECOND_LEFT);
    world.settle();
    const elsewhere = { address: "203.0.113.7", port: 50_000 };
    behindNat(world, elsewhere);
    world.run(31_000);
    assert.deepEqual(addresses(world, world.right)[1], elsewhere);
    assert.deepEqual([...movedTo(world.right).values()].at(-1), elsewhere);
  });

  test("while it stays the same, liveness checks ask and nothing follows", () => {
    const world = mobileWorld({ left: { dpdDelay: 30_000, encap: false }, right: { encap: false } });
    behindNat(world, { address: "203.0.113.7", port: 40_000 });
    haveAddresses(world, world.left, SECOND_LEFT);
    world.settle();
    world.advance(30_000);
    assert.deepEqual(world.settle(), [
      "INFORMATIONAL 3 { N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP) } -->",
      "<-- INFORMATIONAL 3 R { N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP) }",
    ]);
  });
});

describe("what the peer must not do", () => {
  function forged(): { world: World; forger: Forger } {
    const world = new World({
      left: { connection: { mobike: true, localAddrs: ["%any"] } },
      right: { connection: { mobike: true, remoteAddrs: ["%any"] } },
    });
    const forger = forgerIn(world);
    world.initiate();
    world.settle();
    return { world, forger };
  }

  /** A request of the left end that it never sent; the payloads of the answer. */
  function ask({ world, forger }: ReturnType<typeof forged>, from: SocketAddress, ...payloads: NotifyPayload[]): string {
    const octets = forger.request({ exchangeType: ExchangeType.INFORMATIONAL, messageId: 2, payloads });
    world.arrive({ from: "left", local: from, remote: at(RIGHT_ADDRESS), octets, marker: true });
    const answer = world.wire.shift();
    assert.ok(answer !== undefined);
    return world.describe(answer);
  }

  const claim = (source: string): NotifyPayload =>
    noNatsAllowed({
      source: addressOctets(parseAddress(source)),
      destination: addressOctets(parseAddress(RIGHT_ADDRESS)),
      sourcePort: 4500,
      destinationPort: 4500,
    });

  test("NO_NATS_ALLOWED, and there is one: UNEXPECTED_NAT_DETECTED, and nothing changes", () => {
    const both = forged();
    assert.equal(
      ask(both, at("203.0.113.7"), updateSaAddresses(), claim(SECOND_LEFT)),
      "<-- INFORMATIONAL 2 R { N(UNEXPECTED_NAT_DETECTED) }",
    );
    assert.deepEqual(addresses(both.world, both.world.right)[1], at(LEFT_ADDRESS));
  });

  test("NO_NATS_ALLOWED, and there is none: followed", () => {
    const both = forged();
    assert.equal(ask(both, at(SECOND_LEFT), updateSaAddresses(), claim(SECOND_LEFT)), "<-- INFORMATIONAL 2 R { }");
    assert.deepEqual(addresses(both.world, both.world.right)[1], at(SECOND_LEFT));
  });

  test("COOKIE2 is returned as it came, with anything or nothing beside it", () => {
    const both = forged();
    const octets = new Uint8Array(64).fill(7);
    const request = both.forger.request({ exchangeType: ExchangeType.INFORMATIONAL, messageId: 2, payloads: [cookie2(octets)] });
    both.world.arrive({ from: "left", local: at(LEFT_ADDRESS), remote: at(RIGHT_ADDRESS), octets: request, marker: true });
    const [answer] = both.world.wire;
    assert.ok(answer !== undefined);
    assert.deepEqual(both.world.reader.payloads(answer.octets), [notify(NotifyType.COOKIE2, octets)]);
  });

  test("another COOKIE2 in its answer than ours: the IKE SA is closed", () => {
    const { world, forger } = forged();
    haveAddresses(world, world.left, SECOND_LEFT);
    const { messageId } = decodeIkeHeader(world.hold().octets);
    const wrong = cookie2(new Uint8Array(16).fill(1));
    const octets = forger.response({ exchangeType: ExchangeType.INFORMATIONAL, messageId, payloads: [wrong] });
    world.arrive({ from: "right", local: at(RIGHT_ADDRESS), remote: at(SECOND_LEFT), octets, marker: true });
    assert.deepEqual(ikeStates(world).left, ["DELETING"]);
  });

  test("the responder of the first IKE SA wants to move us: UNACCEPTABLE_ADDRESSES", () => {
    const { world, forger } = forged();
    const octets = forger.fromResponder({ exchangeType: ExchangeType.INFORMATIONAL, messageId: 0, payloads: [updateSaAddresses()] });
    world.arrive({ from: "right", local: at(SECOND_RIGHT), remote: at(LEFT_ADDRESS), octets, marker: true });
    assert.deepEqual(world.settle(), ["INFORMATIONAL 0 R { N(UNACCEPTABLE_ADDRESSES) } -->"]);
    assert.deepEqual(addresses(world, world.left)[1], at(RIGHT_ADDRESS));
  });

  test("it refuses the new address: that is told, and the IKE SA goes on", () => {
    const { world, forger } = forged();
    haveAddresses(world, world.left, SECOND_LEFT);
    const request = world.hold();
    const cookie = world.reader.payloads(request.octets).find((each) => each.type === "NOTIFY" && each.notifyType === NotifyType.COOKIE2);
    assert.ok(cookie?.type === "NOTIFY");
    const { messageId } = decodeIkeHeader(request.octets);
    const payloads = [notify(NotifyType.UNACCEPTABLE_ADDRESSES), notify(NotifyType.COOKIE2, cookie.data)];
    const octets = forger.response({ exchangeType: ExchangeType.INFORMATIONAL, messageId, payloads });
    world.arrive({ from: "right", local: at(RIGHT_ADDRESS), remote: at(SECOND_LEFT), octets, marker: true });
    assert.equal(eventsOf(world.left, "peerRefused")[0]?.notify, "UNACCEPTABLE_ADDRESSES");
    assert.deepEqual(ikeStates(world).left, ["ESTABLISHED"]);
  });
});

test("without MOBIKE an address that goes is nobody's news", () => {
  const world = establishedWorld();
  haveAddresses(world, world.left, SECOND_LEFT);
  assert.deepEqual(world.wire, []);
});
