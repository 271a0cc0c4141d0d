/** Peers behind NATs: keepalives, and following an address that changes (RFC 7296 §2.23). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { firstPlainAddress, formatSocketAddress, matchesAddress } from "../../src/ike/addresses.ts";
import { eventsOf, ikeStates } from "./harness/assertions.ts";
import type { Overrides } from "./harness/configs.ts";
import { World, establishedWorld, type InFlight } from "./harness/world.ts";

const OUTSIDE = { address: "203.0.113.7", port: 40_000 };

/** The left end is behind a NAT: the right end sees its packets come from elsewhere, and answers there. */
function behindNat(world: World, outside = OUTSIDE): void {
  world.carry = (datagram: InFlight) => {
    const translated =
      datagram.from === "left"
        ? { ...datagram, local: outside }
        : { ...datagram, remote: { address: "192.0.2.1", port: datagram.local.port } };
    world.wire.push(translated);
  };
}

const natted = (): World => {
  const overrides: Overrides = { connection: { encap: false, remoteAddrs: ["%any"] } };
  const world = new World({ left: { ...overrides, connection: { encap: false } }, right: overrides });
  behindNat(world);
  world.initiate();
  world.settle();
  return world;
};

describe("a NAT before the initiator", () => {
  test("both ends find it, each in its place", () => {
    const world = natted();
    assert.deepEqual(ikeStates(world), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
    const [left, right] = world.hosts.map((host) => world.status(host).ikeSas[0]);
    assert.deepEqual([left?.natHere, left?.natThere, right?.natHere, right?.natThere], [true, false, false, true]);
    assert.deepEqual(right?.remote, OUTSIDE);
    assert.deepEqual([...world.right.dataPlane.outbound.values()][0]?.spec.remote, OUTSIDE, "ESP goes there too");
  });

  test("the one behind it keeps the mapping open, the other does not", () => {
    const world = natted();
    world.advance(61_000);
    assert.deepEqual(world.left.keepalives, new Array(3).fill({ address: "192.0.2.2", port: 4500 }));
    assert.deepEqual(world.right.keepalives, []);
  });

  test("what is sent anyway spares a keepalive", () => {
    const world = natted();
    world.advance(15_000);
    world.rekeyChild(world.left);
    world.settle();
    world.advance(15_000);
    assert.equal(world.left.keepalives.length, 0);
    world.advance(6000);
    assert.equal(world.left.keepalives.length, 1);
  });

  test("the NAT forgets, and gives another port: the next new request is followed, with all Child SAs", () => {
    const world = natted();
    const elsewhere = { address: "203.0.113.7", port: 50_000 };
    behindNat(world, elsewhere);
    world.rekeyChild(world.left);
    world.settle();
    assert.deepEqual(world.status(world.right).ikeSas[0]?.remote, elsewhere);
    assert.ok(world.right.dataPlane.log.some((message) => message.verb === "updateAddresses" && message.remote.port === 50_000));
    assert.deepEqual(eventsOf(world.right, "peerMoved")[0]?.to, elsewhere);
  });

  test("an answer to our request is followed as well", () => {
    const world = natted();
    world.rekeyChild(world.right);
    world.deliver();
    const answer = world.hold();
    const elsewhere = { address: "203.0.113.7", port: 52_000 };
    world.arrive({ ...answer, local: elsewhere });
    assert.deepEqual(world.status(world.right).ikeSas[0]?.remote, elsewhere);
  });

  test("a move that several workers see is one move", () => {
    const world = natted();
    const [child] = world.status(world.right).childSas;
    assert.ok(child !== undefined);
    const remote = { address: "203.0.113.7", port: 51_000 };
    for (let report = 0; report < 3; report++) {
      world.act(world.right, (endpoint) => endpoint.handleSadbEvent({ verb: "addressChanged", id: child.id, remote }, world.now));
    }
    assert.equal(eventsOf(world.right, "peerMoved").length, 1);
  });

  test("an old message from elsewhere moves nobody", () => {
    const world = natted();
    world.rekeyChild(world.left);
    const [request] = world.wire;
    assert.ok(request !== undefined);
    world.settle();
    world.arrive({ ...request, local: { address: "198.51.100.66", port: 4500 } });
    assert.deepEqual(world.status(world.right).ikeSas[0]?.remote, OUTSIDE);
    // The repetition is answered to where it came from, which proves nothing and costs nothing more.
    assert.deepEqual(
      world.wire.map(({ remote }) => remote.port),
      [4500],
    );
  });

  test("ESP that comes from elsewhere, once the data plane has authenticated it", () => {
    const world = natted();
    const [child] = world.status(world.right).childSas;
    assert.ok(child !== undefined);
    const remote = { address: "203.0.113.7", port: 51_000 };
    world.act(world.right, (endpoint) => endpoint.handleSadbEvent({ verb: "addressChanged", id: child.id, remote }, world.now));
    assert.deepEqual(world.status(world.right).ikeSas[0]?.remote, remote);
    const [own] = world.status(world.left).childSas;
    assert.ok(own !== undefined);
    world.act(world.left, (endpoint) => endpoint.handleSadbEvent({ verb: "addressChanged", id: own.id, remote }, world.now));
    assert.deepEqual(world.status(world.left).ikeSas[0]?.remote.address, "192.0.2.2", "the end behind the NAT follows nobody");
  });
});

test("without a NAT anywhere, nobody is followed", () => {
  const connection = { encap: false, remoteAddrs: ["192.0.2.0/24"] };
  const world = establishedWorld({ left: { connection: { encap: false } }, right: { connection } });
  world.rekeyChild(world.left);
  const request = world.hold();
  world.arrive({ ...request, local: { address: "192.0.2.77", port: 4500 } });
  assert.equal(world.status(world.right).ikeSas[0]?.remote.address, "192.0.2.1");
  assert.deepEqual(
    world.wire.map(({ remote }) => remote.address),
    ["192.0.2.77"],
    "answered to where it came from",
  );
});

test("patterns of addresses", () => {
  assert.ok(matchesAddress(["%any"], "2001:db8::1"));
  assert.ok(matchesAddress(["192.0.2.0/24"], "192.0.2.200"));
  assert.ok(!matchesAddress(["192.0.2.0/24"], "192.0.3.1"));
  assert.ok(matchesAddress(["198.51.100.1", "2001:db8::1-2001:db8::9"], "2001:db8::5"));
  assert.ok(!matchesAddress([], "192.0.2.1"));
  assert.equal(firstPlainAddress(["%any", "10.0.0.0/8", "192.0.2.1", "192.0.2.2"]), "192.0.2.1");
  assert.equal(firstPlainAddress(["%any"]), undefined);
  assert.equal(formatSocketAddress({ address: "2001:db8::1", port: 500 }), "[2001:db8::1]:500");
});
