/** Virtual addresses (RFC 7296 §2.19, §3.15): asked for, leased, kept over rekeys, given back; and what is said when there is none. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChildConfig, ConnectionConfig, EndpointConfig, PoolConfig } from "../../src/ike/config.ts";
import { parseIdentity } from "../../src/ike/identity.ts";
import { parseConfiguredSelector } from "../../src/ipsec/dynamic-selectors.ts";
import { parseAddress } from "../../src/wire/address.ts";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";
import { assertAgreement, eventsOf, ikeStates } from "./harness/assertions.ts";
import { endpointConfig, RIGHT_NET } from "./harness/configs.ts";
import { World, type Host, type WorldOptions } from "./harness/world.ts";

const pool = (name: string, addrs: string, more: Partial<PoolConfig> = {}): PoolConfig => {
  const { family, start, end } = parsePrefix(addrs);
  return { name, range: { family, start, end }, dnsServers: [], subnets: [], ...more };
};

const V4 = pool("v4", "10.9.0.10-10.9.0.19", {
  dnsServers: [parseAddress("10.2.0.53"), parseAddress("fd02::53")],
  subnets: [{ ...parseAddress("10.2.0.0"), length: 16 }],
});
const V6 = pool("v6", "fd09::10-fd09::19", { subnets: [{ ...parseAddress("fd02::"), length: 32 }] });

const ANY4 = parseAddress("0.0.0.0");
const ANY6 = parseAddress("::");
const DYNAMIC = [parseConfiguredSelector("dynamic")];

interface Settings extends Pick<WorldOptions, "cpus" | "seed"> {
  readonly left?: Partial<ConnectionConfig>;
  readonly leftChild?: Partial<ChildConfig>;
  readonly right?: Partial<ConnectionConfig>;
  readonly rightChild?: Partial<ChildConfig>;
  readonly pools?: readonly PoolConfig[];
  readonly endpoint?: Partial<EndpointConfig>;
}

/** Left asks, right has the pools. */
function worldWithPools({ left, leftChild, right, rightChild, pools = [V4, V6], endpoint, ...options }: Settings = {}): World {
  return new World({
    ...options,
    left: {
      connection: { vips: [ANY4], ...left },
      child: { localTs: DYNAMIC, ...leftChild },
    },
    right: {
      endpoint: { pools, ...endpoint },
      connection: { pools: pools.map(({ name }) => name), ...right },
      child: { remoteTs: DYNAMIC, ...rightChild },
    },
  });
}

/** Left is two peers, the second of them by another connection and another name. Right takes anybody. */
function twoPeers(pools: readonly PoolConfig[], child: Partial<ChildConfig> = {}): World {
  const left = { connection: { vips: [ANY4] }, child: { localTs: DYNAMIC, ...child } };
  const [first] = endpointConfig("left", left).connections;
  assert.ok(first !== undefined);
  const second = { ...first, name: "second", local: { auth: "psk" as const, id: parseIdentity("second.example") } };
  return new World({
    left: { endpoint: { connections: [first, second] } },
    right: {
      endpoint: { pools },
      connection: { pools: pools.map(({ name }) => name), remote: { auth: "psk", id: "%any" } },
      child: { remoteTs: DYNAMIC },
    },
  });
}

function initiateSecond(world: World): string[] {
  world.command(world.left, { verb: "initiate", connection: "second" });
  return world.settle();
}

/** As if its process had been killed, and started again a second later. */
function crash(world: World): void {
  world.act(world.left, (endpoint) => endpoint.handleCommand({ verb: "flush" }, world.now));
  world.advance(1000);
}

function initiated(world: World): World {
  world.initiate();
  world.settle();
  return world;
}

const selectors = (world: World, host: Host): (readonly string[] | undefined)[] => {
  const [child] = world.status(host).childSas;
  return [child?.localTs, child?.remoteTs];
};
const virtual = (world: World): readonly string[] => world.status(world.left).ikeSas[0]?.virtual.addresses ?? [];
const leases = (world: World): string[] => world.status(world.right).ikeSas.flatMap((sa) => sa.leases.map(({ address }) => address));
const inUse = (world: World): number[] => world.status(world.right).pools.map((each) => each.inUse);

describe("an address is asked for and leased", () => {
  test("in IKE_AUTH, before the SA payload, and the selectors are narrowed to it", () => {
    const world = worldWithPools();
    world.initiate();
    assert.deepEqual(world.settle().slice(2), [
      "IKE_AUTH 1 { IDi, N(INITIAL_CONTACT), IDr, AUTH, N(SET_WINDOW_SIZE), CP, SA, TSi, TSr } -->",
      "<-- IKE_AUTH 1 R { IDr, AUTH, N(SET_WINDOW_SIZE), CP, SA, TSi, TSr }",
    ]);
    assert.deepEqual(selectors(world, world.left), [["10.9.0.10/32"], [RIGHT_NET]]);
    assert.deepEqual(selectors(world, world.right), [[RIGHT_NET], ["10.9.0.10/32"]]);
    const [event] = eventsOf(world.left, "virtualAddresses");
    assert.deepEqual(event?.addresses, ["10.9.0.10"]);
    assert.deepEqual(event.dnsServers, ["10.2.0.53"], "of the family that was asked for");
    assert.deepEqual(event.subnets, ["10.2.0.0/16"]);
    assert.deepEqual(
      eventsOf(world.right, "addressLeased").map((each) => [each.pool, each.address, each.remoteId]),
      [["v4", "10.9.0.10", "left.example"]],
    );
    assertAgreement(world);
  });

  test("of both families, from a pool of each", () => {
    const world = worldWithPools({
      left: { vips: [ANY4, ANY6] },
      leftChild: { remoteTs: [parsePrefix(RIGHT_NET), parsePrefix("fd02::/32")] },
      rightChild: { localTs: [parsePrefix(RIGHT_NET), parsePrefix("fd02::/32")] },
    });
    initiated(world);
    assert.deepEqual(virtual(world), ["10.9.0.10", "fd09::10"]);
    assert.deepEqual(selectors(world, world.left)[0], ["10.9.0.10/32", "fd09::10/128"]);
    assert.deepEqual(inUse(world), [1, 1]);
    assertAgreement(world);
  });

  test("the one that is wished for, if it is free", () => {
    const world = initiated(worldWithPools({ left: { vips: [parseAddress("10.9.0.17")] } }));
    assert.deepEqual(virtual(world), ["10.9.0.17"]);
  });

  test("another one than was wished for, if that is not in the pool", () => {
    const world = initiated(worldWithPools({ left: { vips: [parseAddress("192.0.2.200")] } }));
    assert.deepEqual(virtual(world), ["10.9.0.10"]);
    assert.deepEqual(selectors(world, world.left)[0], ["10.9.0.10/32"]);
  });

  test("from the second pool when the first is full", () => {
    const world = twoPeers([pool("small", "10.9.1.1"), V4]);
    world.initiate();
    world.settle();
    initiateSecond(world);
    assert.deepEqual(leases(world), ["10.9.1.1", "10.9.0.10"]);
    assert.deepEqual(inUse(world), [1, 1]);
  });

  test("a child with other selectors than dynamic has them, and an address all the same", () => {
    const world = initiated(
      worldWithPools({ leftChild: { localTs: [parsePrefix("10.1.0.0/16")] }, rightChild: { remoteTs: [parsePrefix("10.1.0.0/16")] } }),
    );
    assert.deepEqual(virtual(world), ["10.9.0.10"]);
    assert.deepEqual(selectors(world, world.left)[0], ["10.1.0.0/16"]);
  });

  test("dynamic with a protocol keeps it", () => {
    const world = initiated(worldWithPools({ leftChild: { localTs: [parseConfiguredSelector("dynamic[tcp/443]")] } }));
    assert.deepEqual(selectors(world, world.right)[1], ["10.9.0.10/32[tcp/443]"]);
  });
});

describe("the lease goes with the IKE SA", () => {
  for (const side of ["left", "right"] as const) {
    test(`it moves to the successor when the ${side} end rekeys, and Child SAs can still be rekeyed and added`, () => {
      const world = initiated(worldWithPools({ cpus: 2, leftChild: { perCpuSas: true }, rightChild: { perCpuSas: true } }));
      world.rekeyIke(world.host(side));
      world.settle();
      assert.deepEqual([virtual(world), leases(world), inUse(world)], [["10.9.0.10"], ["10.9.0.10"], [1, 0]]);
      world.rekeyChild(world.left);
      world.rekeyChild(world.right);
      world.settle();
      assert.deepEqual(selectors(world, world.right)[1], ["10.9.0.10/32"]);
      assertAgreement(world);
    });

    test(`it ends when the ${side} end closes the IKE SA`, () => {
      const world = initiated(worldWithPools());
      world.closeIke(world.host(side));
      world.settle();
      assert.deepEqual([virtual(world), inUse(world)], [[], [0, 0]]);
      assert.equal(world.status(world.right).pools[0]?.remembered, 1);
    });
  }

  test("it ends when the peer is found dead", () => {
    const world = initiated(worldWithPools({ right: { dpdDelay: 1000 } }));
    crash(world);
    world.run(300_000);
    assert.deepEqual(ikeStates(world).right, []);
    assert.deepEqual(inUse(world), [0, 0]);
  });

  test("a peer that has crashed gets the same address again with INITIAL_CONTACT", () => {
    const world = initiated(worldWithPools({ left: { vips: [parseAddress("10.9.0.15")] } }));
    crash(world);
    initiated(world);
    assert.deepEqual([leases(world), inUse(world)], [["10.9.0.15"], [1, 0]]);
  });

  test("per-CPU Child SAs have the address as well, from either end", () => {
    const world = initiated(worldWithPools({ cpus: 3, leftChild: { perCpuSas: true }, rightChild: { perCpuSas: true } }));
    const flow = { protocol: 17, sourceAddress: "10.9.0.10", destinationAddress: "10.2.0.1", sourcePort: 1, destinationPort: 2 };
    world.send(world.left, 1, flow);
    world.settle();
    const back = { ...flow, sourceAddress: "10.2.0.1", destinationAddress: "10.9.0.10" };
    for (const cpu of [0, 1, 2]) world.send(world.right, cpu, back);
    world.settle();
    const { childSas, groups } = world.status(world.left);
    assert.equal(childSas.length, 3);
    assert.equal(groups.length, 1, "all are of one group");
    for (const { localTs } of childSas) assert.deepEqual(localTs, ["10.9.0.10/32"]);
    assertAgreement(world);
  });

  test("a further child of the same IKE SA asks for no address again", () => {
    const world = initiated(worldWithPools());
    world.closeChild(world.left);
    world.settle();
    world.initiate();
    assert.deepEqual(world.settle(), ["CREATE_CHILD_SA 3 { SA, NONCE, TSi, TSr } -->", "<-- CREATE_CHILD_SA 3 R { SA, NONCE, TSi, TSr }"]);
    assert.deepEqual(selectors(world, world.left)[0], ["10.9.0.10/32"]);
  });
});

describe("there is no address", () => {
  const SMALL = [pool("small", "10.9.0.1")];

  test("INTERNAL_ADDRESS_FAILURE when all are in use: told at both ends, and the IKE SA stands", () => {
    const world = twoPeers(SMALL);
    world.initiate();
    world.settle();
    assert.match(initiateSecond(world).at(-1) ?? "", /AUTH, N\(SET_WINDOW_SIZE\), N\(INTERNAL_ADDRESS_FAILURE\) }$/);
    assert.equal(world.status(world.left).ikeSas.length, 2);
    assert.equal(world.status(world.left).childSas.length, 1);
    const [exhausted] = eventsOf(world.right, "poolExhausted");
    assert.deepEqual([exhausted?.pools, exhausted?.families, exhausted?.remoteId], [["small"], [4], "second.example"]);
    const [refused] = eventsOf(world.left, "peerRefused");
    assert.deepEqual([refused?.connection, refused?.child, refused?.notify], ["second", "net", "INTERNAL_ADDRESS_FAILURE"]);
  });

  test("the address is asked for again with the next Child SA, and there when somebody has gone", () => {
    const world = twoPeers(SMALL);
    world.initiate();
    world.settle();
    initiateSecond(world);
    assert.match(initiateSecond(world).at(-1) ?? "", /^<-- CREATE_CHILD_SA 2 R { N\(INTERNAL_ADDRESS_FAILURE\) }$/);
    world.closeIke(world.left);
    world.settle();
    assert.deepEqual(initiateSecond(world), [
      "CREATE_CHILD_SA 3 { CP, SA, NONCE, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA 3 R { CP, SA, NONCE, TSi, TSr }",
    ]);
    assert.deepEqual(virtual(world), ["10.9.0.1"]);
    assert.deepEqual(selectors(world, world.left), [["10.9.0.1/32"], [RIGHT_NET]]);
    assertAgreement(world);
  });

  test("with start_action: start, it is tried again after some minutes (§3.15.4: not sooner)", () => {
    const world = twoPeers(SMALL, { startAction: "start" });
    world.advance(0);
    world.settle();
    assert.deepEqual(leases(world), ["10.9.0.1"]);
    world.closeIke(world.left);
    world.settle();
    world.run(60_000);
    assert.deepEqual(leases(world), [], "nobody has asked yet");
    world.run(240_000);
    assert.deepEqual(leases(world), ["10.9.0.1"]);
    assertAgreement(world);
  });

  test("FAILED_CP_REQUIRED for a peer that asks for none: the IKE SA stands, without a Child SA", () => {
    const world = worldWithPools({ left: { vips: [] }, leftChild: { localTs: [parsePrefix("10.1.0.0/16")] } });
    world.initiate();
    assert.match(world.settle().at(-1) ?? "", /AUTH, N\(SET_WINDOW_SIZE\), N\(FAILED_CP_REQUIRED\) }$/);
    assert.deepEqual(ikeStates(world), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
    const [refused] = eventsOf(world.left, "peerRefused");
    assert.equal(refused?.notify, "FAILED_CP_REQUIRED");
    assert.match(refused.text, /wants us to ask for a virtual address \(vips\)/);
  });

  test("a peer without pools passes over the request; nothing is used that it may have made of it", () => {
    const world = worldWithPools({ right: { pools: [] }, rightChild: { remoteTs: [parsePrefix("0.0.0.0/0")] } });
    world.initiate();
    const ladder = world.settle();
    assert.match(ladder[3] ?? "", /CP, SA, TSi, TSr }$/);
    assert.deepEqual(ladder.slice(4), ["INFORMATIONAL 2 { D(1) } -->", "<-- INFORMATIONAL 2 R { D(1) }"]);
    assert.match(eventsOf(world.left, "peerRefused")[0]?.text ?? "", /given us no address/);
    assert.deepEqual([world.status(world.left).childSas, world.status(world.right).childSas], [[], []]);
  });

  test("a family that no pool is of is passed over", () => {
    const world = initiated(worldWithPools({ pools: [V4], left: { vips: [ANY4, ANY6] } }));
    assert.deepEqual(virtual(world), ["10.9.0.10"]);
    assert.deepEqual(eventsOf(world.right, "poolExhausted"), []);
  });

  test("the end with the pools cannot begin a child that is for the peer's address", () => {
    const world = worldWithPools();
    world.initiate(world.right);
    assert.deepEqual(world.settle(), []);
    assert.match(eventsOf(world.right, "connectionFailed")[0]?.text ?? "", /it is for the peer to begin/);
    initiated(world);
    world.closeChild(world.left);
    world.settle();
    world.initiate(world.right);
    world.settle();
    assert.deepEqual(selectors(world, world.left), [["10.9.0.10/32"], [RIGHT_NET]], "with an address there it can");
    assertAgreement(world);
  });

  test("a trap asks with the first packet, whose source is not the address to come, and not again for its like", () => {
    const world = worldWithPools({ leftChild: { startAction: "trap" } });
    const early = { protocol: 6, sourceAddress: "192.0.2.1", destinationAddress: "10.2.0.1", sourcePort: 1, destinationPort: 2 };
    assert.equal(world.send(world.left, 0, early).kind, "dropped");
    world.settle();
    assert.deepEqual(selectors(world, world.left)[0], ["10.9.0.10/32"]);
    for (const sourcePort of [3, 4]) world.send(world.left, 0, { ...early, sourcePort });
    assert.deepEqual(world.settle(), []);
    assert.equal(world.send(world.left, 0, { ...early, sourceAddress: "10.9.0.10" }).kind, "sealed");
  });
});
