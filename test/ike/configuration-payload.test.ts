/** Configuration payloads that our own initiator would not send or could not use (RFC 7296 §2.20, §3.15): by a peer with the keys. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { EndpointConfig } from "../../src/ike/config.ts";
import { parseConfiguredSelector } from "../../src/ipsec/dynamic-selectors.ts";
import { parseAddress } from "../../src/wire/address.ts";
import { addressAttribute, dnsAttribute, subnetAttribute, supportedAttributes } from "../../src/wire/configuration.ts";
import { ConfigurationAttribute as Attribute, ConfigurationType, ExchangeType } from "../../src/wire/iana/index.ts";
import { fromHex } from "../../src/wire/octets.ts";
import type { ConfigurationAttributeValue, CpPayload, Payload } from "../../src/wire/payload.ts";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";
import { eventsOf, ikeStates } from "./harness/assertions.ts";
import { LEFT_ADDRESS, LEFT_NET, RIGHT_ADDRESS, RIGHT_NET } from "./harness/configs.ts";
import { forgerIn } from "./harness/forger.ts";
import { World } from "./harness/world.ts";

const attribute = (type: number, value = ""): ConfigurationAttributeValue => ({ type, value: fromHex(value) });
const cp = (configType: number, ...attributes: ConfigurationAttributeValue[]): CpPayload => ({ type: "CP", configType, attributes });

const POOL = { name: "p", range: parsePrefix("10.9.0.10-10.9.0.19"), dnsServers: [], subnets: [] };

describe("a request in INFORMATIONAL", () => {
  /** Left has asked for no address; right has a pool, and nevertheless children without one. */
  function ask(endpoint: Partial<EndpointConfig>, ...payloads: Payload[]): { world: World; answer: readonly Payload[]; text: string } {
    const world = new World({
      right: {
        endpoint: { pools: [POOL], ...endpoint },
        connection: { pools: ["p"] },
        child: { remoteTs: [parseConfiguredSelector("dynamic")] },
      },
    });
    const forger = forgerIn(world);
    world.initiate();
    world.settle();
    const octets = forger.request({ exchangeType: ExchangeType.INFORMATIONAL, messageId: 2, payloads });
    const [from, to] = [LEFT_ADDRESS, RIGHT_ADDRESS].map((address) => ({ address, port: 4500 }));
    assert.ok(from !== undefined && to !== undefined);
    world.arrive({ from: "left", local: from, remote: to, octets, marker: true });
    const datagram = world.hold("right");
    return { world, answer: world.reader.payloads(datagram.octets), text: world.describe(datagram) };
  }

  const request = (...attributes: ConfigurationAttributeValue[]): Payload => cp(ConfigurationType.CFG_REQUEST, ...attributes);
  const reply = (...attributes: ConfigurationAttributeValue[]): Payload[] => [cp(ConfigurationType.CFG_REPLY, ...attributes)];

  test("for our version gets an empty text, or what is configured (§2.20)", () => {
    const asked = request(attribute(Attribute.APPLICATION_VERSION));
    assert.deepEqual(ask({}, asked).answer, reply(attribute(Attribute.APPLICATION_VERSION)));
    assert.deepEqual(ask({ applicationVersion: "Ab 1" }, asked).answer, reply(attribute(Attribute.APPLICATION_VERSION, "41622031")));
  });

  test("for what is supported gets the list, and what nobody knows is passed over", () => {
    const { answer } = ask({}, request(attribute(0x7abc, "ff"), attribute(Attribute.SUPPORTED_ATTRIBUTES), attribute(Attribute.FTT_KAT)));
    assert.deepEqual(answer, reply(supportedAttributes([1, 3, 7, 8, 10, 13, 14, 15])));
  });

  test("for addresses gets one of each family that there is, however many it asks for, and the same when it asks again", () => {
    const four = attribute(Attribute.INTERNAL_IP4_ADDRESS);
    const { world, answer } = ask({}, request(four, four), request(four, attribute(Attribute.INTERNAL_IP6_ADDRESS)));
    assert.deepEqual(answer, reply(addressAttribute(parseAddress("10.9.0.10"))));
    assert.equal(world.status(world.right).pools[0]?.inUse, 1);
  });

  test("for an address when there is none gets INTERNAL_ADDRESS_FAILURE", () => {
    const empty = { ...POOL, range: { ...POOL.range, end: POOL.range.start - 1n } };
    const { text } = ask({ pools: [empty] }, request(attribute(Attribute.INTERNAL_IP4_ADDRESS)));
    assert.equal(text, "<-- INFORMATIONAL 2 R { N(INTERNAL_ADDRESS_FAILURE) }");
  });

  test("with an address of three octets ends the IKE SA: INVALID_SYNTAX", () => {
    const { world, text } = ask({}, request(attribute(Attribute.INTERNAL_IP4_ADDRESS, "0a0900")));
    assert.equal(text, "<-- INFORMATIONAL 2 R { N(INVALID_SYNTAX) }");
    assert.deepEqual(ikeStates(world).right, []);
  });

  test("that pushes configuration changes nothing, and CFG_ACK says so by having nothing (§3.15.1)", () => {
    const { answer } = ask({}, cp(ConfigurationType.CFG_SET, attribute(Attribute.INTERNAL_IP4_DNS, "0a020035")));
    assert.deepEqual(answer, [cp(ConfigurationType.CFG_ACK)]);
  });

  test("that is none gets no CFG_REPLY", () => {
    const { answer } = ask({}, cp(ConfigurationType.CFG_REPLY, addressAttribute(parseAddress("10.9.0.10"))), cp(77));
    assert.deepEqual(answer, []);
  });
});

describe("a reply", () => {
  /** The reply to our CREATE_CHILD_SA that asks for an address, as a peer of our making gives it. */
  function given(attributes: readonly ConfigurationAttributeValue[], tsi = "0.0.0.0/0"): World {
    const world = new World({
      left: { connection: { vips: [parseAddress("0.0.0.0")] }, child: { localTs: [parseConfiguredSelector("dynamic")] } },
      right: { child: { localTs: [parsePrefix(RIGHT_NET)], remoteTs: [parsePrefix(LEFT_NET)] } },
    });
    const forger = forgerIn(world);
    world.initiate();
    // Right gives no address; the Child SA that it has made is deleted again.
    world.settle();
    world.initiate();
    assert.equal(world.lose(), "CREATE_CHILD_SA 3 { CP, SA, NONCE, TSi, TSr } -->");
    const transforms = [
      { type: 1, id: 20, keyLength: 128 },
      { type: 5, id: 0 },
    ];
    const payloads: Payload[] = [
      cp(ConfigurationType.CFG_REPLY, ...attributes),
      { type: "SA", proposals: [{ number: 1, protocolId: 3, spi: Uint8Array.of(1, 2, 3, 4), transforms }] },
      { type: "NONCE", data: new Uint8Array(32) },
      { type: "TSi", selectors: [parsePrefix(tsi)] },
      { type: "TSr", selectors: [parsePrefix(RIGHT_NET)] },
    ];
    const octets = forger.response({ exchangeType: ExchangeType.CREATE_CHILD_SA, messageId: 3, payloads });
    const [from, to] = [RIGHT_ADDRESS, LEFT_ADDRESS].map((address) => ({ address, port: 4500 }));
    assert.ok(from !== undefined && to !== undefined);
    world.arrive({ from: "right", local: from, remote: to, octets, marker: true });
    return world;
  }

  const address = (text: string): ConfigurationAttributeValue => addressAttribute(parseAddress(text));
  const virtual = (world: World): unknown => world.status(world.left).ikeSas[0]?.virtual;

  test("with wider selectors than the address is used for the address alone", () => {
    const world = given([address("10.9.0.10")]);
    assert.deepEqual(world.status(world.left).childSas[0]?.localTs, ["10.9.0.10/32"]);
  });

  test("with selectors for another address than it gives comes to no Child SA", () => {
    const world = given([address("10.9.0.10")], "10.9.0.11");
    assert.deepEqual(world.status(world.left).childSas, []);
    assert.match(world.lose("left"), /D\(1\)/);
  });

  for (const unusable of ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", LEFT_ADDRESS, RIGHT_ADDRESS]) {
    test(`that gives us ${unusable} gives us nothing`, () => {
      const world = given([address(unusable)], unusable);
      assert.deepEqual(virtual(world), { addresses: [], dnsServers: [], subnets: [] });
      assert.deepEqual(world.status(world.left).childSas, []);
      assert.deepEqual(eventsOf(world.left, "virtualAddresses"), []);
    });
  }

  test("of more than we asked for is taken as far as we asked, and no more of it is kept than anybody needs", () => {
    const dns = Array.from({ length: 300 }, (_, n) => dnsAttribute({ family: 4, value: BigInt(0x0a020000 + n) }));
    const subnets = Array.from({ length: 300 }, (_, n) => subnetAttribute({ family: 4, value: BigInt(n << 8), length: 24 }));
    const world = given([address("10.9.0.10"), address("10.9.0.11"), address("fd09::1"), ...dns, ...subnets]);
    const kept = world.status(world.left).ikeSas[0]?.virtual;
    assert.deepEqual([kept?.addresses, kept?.dnsServers.length, kept?.subnets.length], [["10.9.0.10"], 16, 64]);
  });

  test("in IKE_AUTH, with an attribute of no meaning: no Child SA, and the next one is asked for anew", () => {
    const world = new World({
      left: { connection: { vips: [parseAddress("0.0.0.0")] }, child: { localTs: [parseConfiguredSelector("dynamic")] } },
      right: {
        endpoint: { pools: [POOL] },
        connection: { pools: ["p"] },
        child: { remoteTs: [parseConfiguredSelector("dynamic")] },
      },
    });
    const forger = forgerIn(world);
    world.initiate();
    for (let step = 0; step < 3; step++) world.deliver();
    const answer = world.hold("right");
    const payloads = world.reader
      .payloads(answer.octets)
      .map((payload) =>
        payload.type === "CP" ? cp(ConfigurationType.CFG_REPLY, attribute(Attribute.INTERNAL_IP4_DNS, "0a0900")) : payload,
      );
    world.arrive({ ...answer, octets: forger.response({ exchangeType: ExchangeType.IKE_AUTH, messageId: 1, payloads }) });
    assert.match(world.status(world.left).connections[0]?.lastError ?? "", /the peer's answer cannot be used/);
    assert.match(world.deliver(), /INFORMATIONAL 2 { D\(1\) } -->/);
    world.settle();
    assert.deepEqual(ikeStates(world), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
    world.initiate();
    world.settle();
    assert.deepEqual(world.status(world.left).childSas[0]?.localTs, ["10.9.0.10/32"]);
  });

  test("with an attribute of no meaning is answered by the Delete of what the peer has made", () => {
    const world = given([attribute(Attribute.INTERNAL_IP4_ADDRESS, "0a09")]);
    assert.deepEqual(world.status(world.left).childSas, []);
    assert.match(world.lose("left"), /D\(1\)/);
    assert.deepEqual(ikeStates(world).left, ["ESTABLISHED"]);
  });
});
