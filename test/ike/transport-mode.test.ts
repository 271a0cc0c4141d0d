/** Transport mode (RFC 7296 §1.3.1): asked for, agreed on or not, kept by rekeys and by the Child SAs of further CPUs. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChildConfig, ConnectionConfig } from "../../src/ike/config.ts";
import { parseConfiguredSelector, type ConfiguredSelector } from "../../src/ipsec/dynamic-selectors.ts";
import type { FlowKey } from "../../src/ipsec/sadb.ts";
import { ExchangeType, NotifyType } from "../../src/wire/iana/index.ts";
import { decodeIkeHeader } from "../../src/wire/ike-header.ts";
import { notify } from "../../src/wire/notify.ts";
import type { Payload } from "../../src/wire/payload.ts";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";
import { assertAgreement, childStates, eventsOf } from "./harness/assertions.ts";
import { LEFT_ADDRESS, RIGHT_ADDRESS, type Overrides, type Side } from "./harness/configs.ts";
import { forgerIn, type Forger } from "./harness/forger.ts";
import { World, type Host, type InFlight, type WorldOptions } from "./harness/world.ts";

const dynamic = (suffix = ""): ConfiguredSelector[] => [parseConfiguredSelector(`dynamic${suffix}`)];
const TRANSPORT: Partial<ChildConfig> = { mode: "transport", localTs: dynamic(), remoteTs: dynamic() };
const LEFT_HOST = [parsePrefix(`${LEFT_ADDRESS}/32`)];
const RIGHT_HOST = [parsePrefix(`${RIGHT_ADDRESS}/32`)];

const end = (child: Partial<ChildConfig> = {}, connection: Partial<ConnectionConfig> = {}): Overrides => ({
  child: { ...TRANSPORT, ...child },
  connection,
});

const transportWorld = (options: WorldOptions = {}): World => new World({ left: end(), right: end(), ...options });

function established(options: WorldOptions = {}): World {
  const world = transportWorld(options);
  world.initiate();
  world.settle();
  return world;
}

function flowBetweenEnds(side: Side): FlowKey {
  const [sourceAddress, destinationAddress] = side === "left" ? [LEFT_ADDRESS, RIGHT_ADDRESS] : [RIGHT_ADDRESS, LEFT_ADDRESS];
  return { protocol: 17, sourceAddress, destinationAddress, sourcePort: 7, destinationPort: 7 };
}

/** A packet between the two ends' own addresses: undefined when it arrives. */
function pass(world: World, from: Host, cpu = 0): string | undefined {
  const result = world.send(from, cpu, flowBetweenEnds(from.side));
  return result.kind === "dropped" ? result.why : world.receive(world.peerOf(from), result.packet);
}

/** What each end's data plane was told of each SA that it has. */
function modes(world: World): string[] {
  return world.hosts.flatMap(({ dataPlane: { inbound, outbound } }) =>
    [...inbound.values(), ...outbound.values()].map(({ spec }) => spec.mode),
  );
}

function assertTransport(world: World): void {
  assertAgreement(world);
  assert.deepEqual([...new Set(modes(world))], ["transport"]);
  for (const host of world.hosts) {
    assert.equal(pass(world, host), undefined);
    for (const { mode } of world.status(host).childSas) assert.equal(mode, "transport");
  }
}

/** Payloads of the left end's next request changed on the way to the right end; the answer to it, described. */
function forged(world: World, forger: Forger, change: (payloads: readonly Payload[]) => readonly Payload[], exchangeType: number): string {
  const request = world.hold("left");
  const { messageId } = decodeIkeHeader(request.octets);
  world.arrive({
    ...request,
    octets: forger.request({ exchangeType, messageId, payloads: change(world.reader.payloads(request.octets)) }),
  });
  const [answer] = world.wire;
  assert.ok(answer !== undefined);
  return world.describe(answer);
}

const withoutTransport = (payloads: readonly Payload[]): Payload[] =>
  payloads.filter((payload) => payload.type !== "NOTIFY" || payload.notifyType !== NotifyType.USE_TRANSPORT_MODE);

describe("agreed on", () => {
  test("in IKE_AUTH, by the notify in request and answer; selectors are the addresses that the ends have for each other", () => {
    const world = transportWorld();
    world.initiate();
    const ladder = world.settle();
    assert.match(ladder[2] ?? "", /N\(USE_TRANSPORT_MODE\), SA, TSi, TSr \} -->$/);
    assert.match(ladder[3] ?? "", /N\(USE_TRANSPORT_MODE\), SA, TSi, TSr \}$/);
    assertTransport(world);
    const [child] = world.status(world.left).childSas;
    assert.deepEqual([child?.localTs, child?.remoteTs], [["192.0.2.1/32"], ["192.0.2.2/32"]]);
    assert.equal(eventsOf(world.right, "childUp")[0]?.mode, "transport");
  });

  test("in CREATE_CHILD_SA", () => {
    const childless = { childless: "force" } as const;
    const world = transportWorld({ left: end({}, childless), right: end({}, childless) });
    world.initiate();
    assert.deepEqual(world.settle().slice(4), [
      "CREATE_CHILD_SA 2 { N(USE_TRANSPORT_MODE), SA, NONCE, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA 2 R { N(USE_TRANSPORT_MODE), SA, NONCE, TSi, TSr }",
    ]);
    assertTransport(world);
  });

  test("with addresses that are configured, of which those of another family go unused, and ports that restrict", () => {
    const both = [...LEFT_HOST, parsePrefix("2001:db8::1/128")];
    const left = end({ localTs: both, remoteTs: [parsePrefix(`${RIGHT_ADDRESS}[udp/7]`), parsePrefix("2001:db8::2/128[udp/7]")] });
    const world = established({ left, right: end({ localTs: dynamic("[udp/7]") }) });
    assertTransport(world);
    const [child] = world.status(world.left).childSas;
    assert.deepEqual([child?.localTs, child?.remoteTs], [["192.0.2.1/32"], ["192.0.2.2/32[udp/7]"]]);
  });

  test("also where the ends pretend a NAT to have ESP in UDP, and where they do not", () => {
    for (const encap of [true, false]) assertTransport(established({ left: end({}, { encap }), right: end({}, { encap }) }));
  });

  test("a packet asks by a trap whose own address is not configured", () => {
    const trap = end({ startAction: "trap", remoteTs: RIGHT_HOST }, { localAddrs: ["%any"] });
    const world = transportWorld({ left: trap });
    assert.equal(pass(world, world.left), "OutNoStates");
    world.settle();
    assertTransport(world);
  });
});

describe("kept", () => {
  for (const side of ["left", "right"] as const) {
    test(`by a rekey of the Child SA from the ${side}, and by one of the IKE SA`, () => {
      const world = established();
      world.rekeyChild(world.host(side));
      assert.match(world.settle()[0] ?? "", /N\(REKEY_SA\), N\(USE_TRANSPORT_MODE\), SA/);
      world.run(5000);
      assertTransport(world);
      world.rekeyIke(world.host(side));
      world.settle();
      assertTransport(world);
    });
  }

  test("by the Child SAs of further CPUs", () => {
    const perCpu = end({ perCpuSas: true });
    const world = established({ cpus: 3, left: perCpu, right: perCpu });
    for (const cpu of [1, 2]) pass(world, world.left, cpu);
    const ladder = world.settle();
    assert.equal(ladder.filter((line) => /^CREATE_CHILD_SA \d { N\(SA_RESOURCE_INFO\), N\(USE_TRANSPORT_MODE\)/.test(line)).length, 2);
    assertTransport(world);
    assert.equal(world.status(world.left).childSas.length, 3);
  });

  test("a rekey that forgets it is refused: the peer would go on with what it did not ask for", () => {
    const world = transportWorld();
    const forger = forgerIn(world);
    world.initiate();
    world.settle();
    world.rekeyChild(world.left);
    assert.match(forged(world, forger, withoutTransport, ExchangeType.CREATE_CHILD_SA), /R \{ N\(NO_PROPOSAL_CHOSEN\) \}$/);
  });
});

describe("a tunnel instead", () => {
  test("the responder has none of it configured: no notify in the answer, and the initiator deletes what it does not want (MUST)", () => {
    const world = transportWorld({ right: { child: { localTs: RIGHT_HOST, remoteTs: LEFT_HOST } } });
    world.initiate();
    const ladder = world.settle();
    assert.doesNotMatch(ladder[3] ?? "", /USE_TRANSPORT_MODE/);
    assert.equal(ladder[4], "INFORMATIONAL 2 { D(1) } -->");
    assert.deepEqual(childStates(world), { left: [], right: [] });
    const [refused] = eventsOf(world.left, "peerRefused");
    assert.match(refused?.text ?? "", /it has made a tunnel, where transport mode is configured here/);
  });

  test("the initiator asks for one: it gets it, between the same addresses", () => {
    const world = established({ left: { child: { localTs: LEFT_HOST, remoteTs: RIGHT_HOST } } });
    assertAgreement(world);
    assert.deepEqual([...new Set(modes(world))], ["tunnel"]);
    assert.equal(pass(world, world.left), undefined);
  });

  test("a NAT between: the responder sees another address than the selectors have", () => {
    const anywhere = end({ localTs: RIGHT_HOST, remoteTs: LEFT_HOST }, { remoteAddrs: ["%any"] });
    const world = transportWorld({ right: anywhere });
    world.carry = (datagram: InFlight) => {
      const there = { address: "203.0.113.7", port: 40_000 };
      const back = { address: LEFT_ADDRESS, port: datagram.local.port };
      world.wire.push(datagram.from === "left" ? { ...datagram, local: there } : { ...datagram, remote: back });
    };
    world.initiate();
    const ladder = world.settle();
    assert.match(ladder[2] ?? "", /N\(USE_TRANSPORT_MODE\)/);
    assert.doesNotMatch(ladder[3] ?? "", /USE_TRANSPORT_MODE/);
    assert.deepEqual(childStates(world), { left: [], right: [] });
  });

  test("a successor of a tunnel is a tunnel, whatever is asked for", () => {
    const world = transportWorld({ left: { child: { localTs: LEFT_HOST, remoteTs: RIGHT_HOST } } });
    const forger = forgerIn(world);
    world.initiate();
    world.settle();
    world.rekeyChild(world.left);
    const asking = (payloads: readonly Payload[]): Payload[] => [...payloads, notify(NotifyType.USE_TRANSPORT_MODE)];
    assert.doesNotMatch(forged(world, forger, asking, ExchangeType.CREATE_CHILD_SA), /USE_TRANSPORT_MODE/);
    world.settle();
    assertAgreement(world);
  });
});

describe("an answer that nobody can use: the Child SA is deleted again, and the IKE SA stays", () => {
  /** The right end's answer to IKE_AUTH with other payloads; what the left end says then. */
  function answerWith(options: WorldOptions, change: (payloads: readonly Payload[]) => readonly Payload[]): World {
    const world = transportWorld(options);
    const forger = forgerIn(world);
    world.initiate();
    for (let i = 0; i < 3; i++) world.deliver();
    const answer = world.hold("right");
    const payloads = change(world.reader.payloads(answer.octets));
    world.arrive({ ...answer, octets: forger.response({ exchangeType: ExchangeType.IKE_AUTH, messageId: 1, payloads }) });
    return world;
  }

  const transportNotify = notify(NotifyType.USE_TRANSPORT_MODE);

  for (const { name, options, change, text } of [
    {
      name: "transport mode that was not asked for",
      options: { left: { child: { localTs: LEFT_HOST, remoteTs: RIGHT_HOST } } },
      change: (payloads: readonly Payload[]) => [...payloads, transportNotify],
      text: /it has made transport mode of a tunnel/,
    },
    {
      name: "transport mode for more than one address",
      // What `hawser check` would not let through.
      options: {
        left: end({ localTs: [parsePrefix("198.51.100.0/24")], remoteTs: RIGHT_HOST }),
        right: { child: { remoteTs: [parsePrefix("0.0.0.0/0")], localTs: RIGHT_HOST } },
      },
      change: (payloads: readonly Payload[]) => [...payloads, transportNotify],
      text: /transport mode is for one address at each end/,
    },
  ]) {
    test(name, () => {
      const world = answerWith(options, change);
      assert.equal(world.deliver(), "INFORMATIONAL 2 { D(1) } -->");
      world.settle();
      assert.deepEqual(childStates(world), { left: [], right: [] });
      assert.match(eventsOf(world.left, "peerRefused")[0]?.text ?? "", text);
      assert.equal(world.status(world.left).ikeSas[0]?.state, "ESTABLISHED");
    });
  }
});

test("an end that moves (MOBIKE) takes the SA along: packets keep the addresses that were agreed on", () => {
  const mobile = { mobike: true, localAddrs: ["%any"], remoteAddrs: ["%any"] };
  const world = established({ left: end({}, { ...mobile, remoteAddrs: [RIGHT_ADDRESS] }), right: end({}, mobile) });
  world.act(world.left, (endpoint) => endpoint.handleLocalAddresses(["198.51.100.1"], world.now));
  world.settle();
  assert.equal(world.status(world.right).ikeSas[0]?.remote.address, "198.51.100.1");
  assertTransport(world);
  world.rekeyChild(world.left);
  assert.match(world.settle()[1] ?? "", /R \{ N\(TS_UNACCEPTABLE\) \}$/, "but it has no successor: nothing lies between these addresses");
});
