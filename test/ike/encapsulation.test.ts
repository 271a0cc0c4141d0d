/** ESP in UDP or without (RFC 7296 §2.23): what the ends want, what is between them, and what becomes of it when an end moves. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConnectionConfig } from "../../src/ike/config.ts";
import { espPathOf } from "../../src/ike/esp-path.ts";
import type { Encapsulation } from "../../src/ipsec/sadb.ts";
import { assertAgreement, eventsOf } from "./harness/assertions.ts";
import { World, type Host, type InFlight } from "./harness/world.ts";

const SECOND_LEFT = "198.51.100.1";
const THIRD_LEFT = "198.51.100.33";

interface Wishes {
  readonly left?: Partial<ConnectionConfig>;
  readonly right?: Partial<ConnectionConfig>;
}

function worldOf({ left, right }: Wishes): World {
  const addresses = { localAddrs: ["%any"] };
  return new World({
    left: { connection: { ...addresses, ...left } },
    right: { connection: { ...addresses, remoteAddrs: ["%any"], ...right } },
  });
}

/** Of each end: what the data plane was told last, for the only Child SA. */
function encapsulations(world: World): [left: Encapsulation | undefined, right: Encapsulation | undefined] {
  const last = ({ dataPlane }: Host): Encapsulation | undefined =>
    dataPlane.log.reduce<Encapsulation | undefined>((found, message) => {
      if (message.verb === "addInbound" || message.verb === "addOutbound") return message.sa.encapsulation;
      return message.verb === "updateAddresses" ? message.encapsulation : found;
    }, undefined);
  return [last(world.left), last(world.right)];
}

/** All that the left end sends comes from elsewhere. */
function behindNat(world: World): void {
  world.carry = (datagram: InFlight) => {
    const inside = world.status(world.left).ikeSas[0]?.local.address ?? datagram.local.address;
    world.wire.push(
      datagram.from === "left"
        ? { ...datagram, local: { address: "203.0.113.7", port: 40_000 } }
        : { ...datagram, remote: { address: inside, port: datagram.local.port } },
    );
  };
}

function withoutNat(world: World): void {
  world.carry = undefined;
}

/** The left end has this address alone from now on, and what follows has happened. */
function moveLeft(world: World, address: string): void {
  world.act(world.left, (endpoint) => endpoint.handleLocalAddresses([address], world.now));
}

const without: Wishes = { left: { encap: false }, right: { encap: false } };
const mobile: Wishes = { left: { encap: false, mobike: true }, right: { encap: false, mobike: true } };

describe("what ESP goes in", () => {
  test("neither end asks for UDP, and no NAT is there: without, and IKE stays on port 500", () => {
    const world = worldOf(without);
    world.initiate();
    while (world.wire.length > 0) {
      assert.deepEqual([world.wire[0]?.remote.port, world.wire[0]?.marker], [500, false]);
      world.deliver();
    }
    assert.deepEqual(encapsulations(world), ["none", "none"]);
    assert.equal(eventsOf(world.left, "ikeUp")[0]?.encapsulation, "none");
    assertAgreement(world);
  });

  test("with MOBIKE IKE goes over to port 4500 (RFC 4555 §3.3), ESP does without UDP", () => {
    const world = worldOf(mobile);
    world.initiate();
    world.settle();
    assert.deepEqual(encapsulations(world), ["none", "none"]);
    for (const host of world.hosts) assert.equal(world.status(host).ikeSas[0]?.remote.port, 4500);
  });

  for (const side of ["left", "right"] as const) {
    test(`the ${side} end alone asks for UDP: both use it, as for a NAT`, () => {
      const world = worldOf({ left: { encap: side === "left" }, right: { encap: side === "right" } });
      world.initiate();
      world.settle();
      assert.deepEqual(encapsulations(world), ["udp", "udp"]);
      for (const host of world.hosts) assert.equal(world.status(host).ikeSas[0]?.remote.port, 4500);
    });
  }

  test("a NAT is between: UDP, whatever the ends want", () => {
    const world = worldOf(without);
    behindNat(world);
    world.initiate();
    world.settle();
    assert.deepEqual(encapsulations(world), ["udp", "udp"]);
  });

  test("Child SAs made later, and those of a rekeyed IKE SA, go the same way", () => {
    for (const [wishes, expected] of [
      [without, "none"],
      [{}, "udp"],
    ] as const) {
      const world = worldOf(wishes);
      world.initiate();
      world.settle();
      world.rekeyIke(world.left);
      world.settle();
      world.rekeyChild(world.right);
      world.settle();
      assert.deepEqual(encapsulations(world), [expected, expected]);
      assert.equal(eventsOf(world.left, "encapsulation").length, 0, "nothing has changed");
      assertAgreement(world);
    }
  });

  test("a peer that knows no NAT traversal, or stays on port 500, gets no UDP", () => {
    const config = { encap: true };
    const services = { config: { ikePort: 500 } };
    const on = (port: number) => ({ local: { address: "192.0.2.1", port }, remote: { address: "192.0.2.2", port } });
    const unaware = { supported: false, here: false, there: false };
    const aware = { ...unaware, supported: true };
    const path = (nat: typeof aware, port: number) =>
      espPathOf({ addresses: on(port), nat, mobike: undefined, config, services }).encapsulation;
    assert.deepEqual([path(unaware, 4500), path(unaware, 500), path(aware, 500), path(aware, 4500)], ["none", "none", "none", "udp"]);
  });
});

describe("an end moves", () => {
  test("behind a NAT and away from it again: ESP goes into UDP at once, and out when the peer has told that there is none", () => {
    const world = worldOf(mobile);
    world.initiate();
    world.settle();
    behindNat(world);
    moveLeft(world, SECOND_LEFT);
    assert.deepEqual(encapsulations(world)[0], "udp", "as long as it is not known");
    world.settle();
    assert.deepEqual(encapsulations(world), ["udp", "udp"]);

    withoutNat(world);
    moveLeft(world, THIRD_LEFT);
    assert.deepEqual(encapsulations(world)[0], "udp");
    world.settle();
    assert.deepEqual(encapsulations(world), ["none", "none"]);
    for (const host of world.hosts) {
      assert.deepEqual(
        eventsOf(host, "encapsulation").map(({ encapsulation }) => encapsulation),
        ["udp", "none"],
      );
    }
    assertAgreement(world);
  });

  test("to another address without a NAT: in UDP only until the answer", () => {
    const world = worldOf(mobile);
    world.initiate();
    world.settle();
    moveLeft(world, SECOND_LEFT);
    assert.equal(encapsulations(world)[0], "udp");
    world.settle();
    assert.deepEqual(encapsulations(world), ["none", "none"]);
    const moves = world.right.dataPlane.log.flatMap((message) => (message.verb === "updateAddresses" ? [message] : []));
    assert.deepEqual(
      moves.map(({ remote, encapsulation }) => [remote.address, encapsulation]),
      [[SECOND_LEFT, "none"]],
      "the responder knows from the request itself",
    );
  });

  test("the answer is lost, and the IKE SA is rekeyed meanwhile: ESP is not left in UDP", () => {
    const world = worldOf(mobile);
    world.initiate();
    world.settle();
    moveLeft(world, SECOND_LEFT);
    world.deliver();
    world.lose("right");
    world.run(10_000);
    world.rekeyIke(world.left);
    world.run(10_000);
    assert.deepEqual(encapsulations(world), ["none", "none"]);
    assertAgreement(world);
  });
});
