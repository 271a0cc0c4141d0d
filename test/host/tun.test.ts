import { strict as assert } from "node:assert";
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { close, EAGAIN, errno, read, SystemCallError, write } from "../../src/host/linux/libc.ts";
import { enterFreshNamespace } from "../../src/host/linux/namespaces.ts";
import { Network } from "../../src/host/linux/network.ts";
import { openTun, VNET_HEADER_LENGTH } from "../../src/host/linux/tun.ts";
import type { TunDevice } from "../../src/host/linux/tun.ts";
import { assertPacketSound, buildPacket } from "../support/packets.ts";
import { ownNamespace, silenceIpv6 } from "./privileges.ts";

const privileged = ownNamespace();
if (privileged.skip === false) silenceIpv6();

/** The next packet, with its virtio-net header; undefined where there is none. */
function readPacket(fd: number): { header: Uint8Array; packet: Uint8Array } | undefined {
  const room = new Uint8Array(70_000);
  const length = read(fd, room, room.length);
  if (length < 0) return undefined;
  return { header: room.slice(0, VNET_HEADER_LENGTH), packet: room.slice(VNET_HEADER_LENGTH, length) };
}

describe("a TUN device", privileged, () => {
  const tun = openTun({ name: "hwst%d", queues: 1, offloads: false });
  const network = new Network();
  network.addAddress(tun.name, "10.9.0.1/24");
  network.linkUp(tun.name, 1400);
  after(() => tun.fds.forEach(close));

  it("has the name that the kernel chose, and is empty", () => {
    assert.match(tun.name, /^hwst\d+$/);
    assert.deepEqual(tun.offloads, { tso: false, uso: false });
    assert.equal(read(tun.fds[0]!, new Uint8Array(100), 100), -1);
    assert.equal(errno(), EAGAIN);
  });

  it("gives out what the host sends, behind an empty virtio-net header, checksums done", async () => {
    const socket = createSocket("udp4");
    await new Promise((resolve) => socket.send("hello", 9, "10.9.0.2", resolve));
    const got = readPacket(tun.fds[0]!);
    socket.close();
    assert.deepEqual(got!.header, new Uint8Array(VNET_HEADER_LENGTH));
    assertPacketSound(got!.packet);
    assert.equal(Buffer.from(got!.packet.subarray(28)).toString(), "hello");
  });

  it("takes in what the host is to receive", async () => {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(7777, "10.9.0.1", resolve));
    const arrived = new Promise<string>((resolve) => socket.once("message", (octets) => resolve(octets.toString())));
    const packet = buildPacket({
      family: 4,
      protocol: "udp",
      source: Uint8Array.of(10, 9, 0, 2),
      destination: Uint8Array.of(10, 9, 0, 1),
      destinationPort: 7777,
      payload: Buffer.from("good day"),
    });
    const framed = new Uint8Array(VNET_HEADER_LENGTH + packet.length);
    framed.set(packet, VNET_HEADER_LENGTH);
    assert.equal(write(tun.fds[0]!, framed, framed.length), framed.length);
    assert.equal(await arrived, "good day");
    socket.close();
  });
});

describe("TUN devices, names and errors", privileged, () => {
  it("as many queues as asked for; gone when the last is closed", () => {
    const tun = openTun({ name: "hwst-multi", queues: 4, offloads: true });
    assert.equal(tun.fds.length, 4);
    assert.equal(new Set(tun.fds).size, 4);
    assert.equal(new Network().mtuOf("hwst-multi"), 1500);
    tun.fds.forEach(close);
    assert.throws(() => new Network().mtuOf("hwst-multi"), /cannot look at hwst-multi: Device "hwst-multi" does not exist/);
  });

  for (const queues of [1, 3]) {
    it(`a name that is taken is refused, and nothing is joined (${queues} queues)`, () => {
      const first = openTun({ name: "hwst-taken", queues, offloads: false });
      assert.throws(
        () => openTun({ name: "hwst-taken", queues, offloads: false }),
        (error) => error instanceof SystemCallError && error.code === "EBUSY" && /choose another name/.test(error.message),
      );
      first.fds.forEach(close);
      openTun({ name: "hwst-taken", queues, offloads: false }).fds.forEach(close);
    });
  }

  it("a name that is too long is refused", () => {
    assert.throws(() => openTun({ name: "sixteen-octets-x", queues: 1, offloads: false }), RangeError);
  });

  it("more queues than the kernel has are refused, and those opened are closed", () => {
    assert.throws(() => openTun({ name: "hwst-many", queues: 300, offloads: false }), SystemCallError);
    assert.throws(() => new Network().mtuOf("hwst-many"), /does not exist/);
  });
});

describe("offloads", privileged, () => {
  it("TCP through a TUN comes in super-packets, and goes in as such", async () => {
    // Two hosts: the server stays in the namespace of this file, the client is in a new one. Their TUN devices are joined by this test.
    const here = openTun({ name: "hwst-here", queues: 1, offloads: true });
    new Network().addAddress(here.name, "10.77.0.1/24");
    new Network().linkUp(here.name, 1400);
    const received: Buffer[] = [];
    const server = createServer((socket) => socket.on("data", (octets) => received.push(octets)));
    await new Promise<void>((resolve) => server.listen(0, "10.77.0.1", resolve));
    const { port } = server.address() as AddressInfo;

    enterFreshNamespace();
    silenceIpv6();
    const there = openTun({ name: "hwst-there", queues: 1, offloads: true });
    new Network().addAddress(there.name, "10.77.0.2/24");
    new Network().linkUp(there.name, 1400);
    const sent = Buffer.alloc(2_000_000, "super-packet ");
    const client = connect(port, "10.77.0.1");
    client.end(sent);

    let largest = 0;
    let packets = 0;
    const carry = (from: TunDevice, to: TunDevice): void => {
      for (let got = readPacket(from.fds[0]!); got !== undefined; got = readPacket(from.fds[0]!)) {
        packets++;
        largest = Math.max(largest, got.packet.length);
        write(to.fds[0]!, Buffer.concat([got.header, got.packet]), VNET_HEADER_LENGTH + got.packet.length);
      }
    };
    const deadline = Date.now() + 20_000;
    while (received.reduce((sum, { length }) => sum + length, 0) < sent.length && Date.now() < deadline) {
      carry(there, here);
      carry(here, there);
      await delay(1);
    }
    assert.ok(Buffer.concat(received).equals(sent));
    assert.equal(here.offloads.tso, true);
    assert.ok(largest > 1400 * 4, `the largest packet had ${largest} octets`);
    assert.ok(packets < sent.length / 1400, `${packets} packets`);
    client.destroy();
    server.close();
    [...here.fds, ...there.fds].forEach(close);
  });
});
