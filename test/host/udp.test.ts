import { strict as assert } from "node:assert";
import { createSocket } from "node:dgram";
import { after, describe, it } from "node:test";
import { attachSpiSteering } from "../../src/host/linux/bpf.ts";
import { close, EAGAIN, EMSGSIZE, errno, read, setsockopt, SystemCallError } from "../../src/host/linux/libc.ts";
import { Network } from "../../src/host/linux/network.ts";
import { boundAddress, openUdpGroup, pathMtu } from "../../src/host/linux/udp.ts";
import { seededRandom } from "../support/packets.ts";
import { Message, received, waitForInput, withSpi, workerOf } from "./messages.ts";
import { ownNamespace } from "./privileges.ts";

const SEED = Number(process.env["SEED"] ?? 3948);
const privileged = ownNamespace();
const BUFFERS = { sendBuffer: 1 << 20, receiveBuffer: 1 << 20 };

for (const address of ["127.0.0.1", "::1"]) {
  describe(`a UDP group on ${address} (SEED=${SEED})`, privileged, () => {
    const WORKERS = 5;
    const steering = { mask: 0xdeadbeef, multiplier: 0x9e3779b1, workers: WORKERS };
    const fds = openUdpGroup({ address, port: 0, count: 1 + WORKERS, ...BUFFERS });
    const local = boundAddress(fds[0]!);
    attachSpiSteering(fds[0]!, steering);
    const [sender] = openUdpGroup({ address, port: 0, count: 1, ...BUFFERS }) as [number];
    const message = new Message();
    after(() => [...fds, sender].forEach(close));

    it("is bound to one address and port", () => {
      assert.equal(local.address, address);
      for (const fd of fds) assert.deepEqual(boundAddress(fd), local);
    });

    it("delivers ESP to the worker that the SPI names", () => {
      const random = seededRandom(SEED);
      const expected = Array.from({ length: WORKERS }, () => [] as number[]);
      for (let i = 0; i < 300; i++) {
        const spi = Math.floor(random.next() * 2 ** 32) || 1;
        expected[workerOf(spi, steering)]!.push(spi);
        assert.equal(message.send(sender, local, withSpi(spi)), 1);
      }
      for (let worker = 0; worker < WORKERS; worker++) {
        const spis = received(fds[1 + worker]!).map((packet) => new DataView(packet.buffer).getUint32(0));
        assert.deepEqual(spis, expected[worker]);
        assert.ok(spis.length > 0);
      }
      assert.deepEqual(received(fds[0]!), []);
    });

    it("delivers IKE, keepalives and runts to control", () => {
      const ike = withSpi(0, 28 + 4);
      const others = [ike, Uint8Array.of(0xff), Uint8Array.of(1, 2, 3), new Uint8Array(0)];
      for (const packet of others) message.send(sender, local, packet);
      assert.deepEqual(received(fds[0]!), others);
    });

    it("the control socket serves node:dgram by its descriptor, and the order stays", async () => {
      // dgram owns the descriptor from here on: a group of its own for this test.
      const [control, ...workers] = openUdpGroup({ address, port: 0, count: 3, ...BUFFERS }) as [number, number, number];
      const bound = boundAddress(control);
      attachSpiSteering(control, { ...steering, workers: 2 });
      const socket = createSocket(address === "::1" ? "udp6" : "udp4");
      await new Promise<void>((resolve) => socket.bind({ fd: control }, resolve));
      const arrived = new Promise<{ octets: Buffer; port: number }>((resolve) =>
        socket.once("message", (octets, { port }) => resolve({ octets, port })),
      );
      message.send(sender, bound, withSpi(0, 40));
      assert.deepEqual(await arrived, { octets: Buffer.alloc(40), port: boundAddress(sender).port });
      for (const spi of [0x100, 0x200, 0x300, 0x400]) message.send(sender, bound, withSpi(spi));
      const counts = workers.map((fd) => received(fd).length);
      assert.equal(counts[0]! + counts[1]!, 4, "ESP does not reach dgram");
      // And it sends from the group's port.
      await new Promise((resolve) => socket.send(Buffer.from("answer"), boundAddress(sender).port, address, resolve));
      assert.equal(Buffer.from(received(sender)[0]!).toString(), "answer");
      await new Promise<void>((resolve) => socket.close(resolve));
      workers.forEach(close);
    });

    it("refuses a port that is taken, by a group that would share it too", () => {
      assert.throws(
        () => openUdpGroup({ address, port: local.port, count: 2, ...BUFFERS }),
        (error) => error instanceof SystemCallError && error.code === "EADDRINUSE" && error.message.includes(`:${local.port}: EADDRINUSE`),
      );
    });

    it("workers do not fragment, control does", () => {
      new Network().setMtu("lo", 1500);
      const big = withSpi(0, 3000);
      assert.equal(message.send(fds[1]!, boundAddress(sender), big), -1);
      assert.equal(errno(), EMSGSIZE);
      assert.equal(message.send(fds[0]!, boundAddress(sender), big), 1);
      waitForInput(sender);
      assert.deepEqual(received(sender), [big]);
      new Network().setMtu("lo", 65536);
    });

    it("workers get a merged burst in one message, with the size of its parts and the traffic class", () => {
      const [from] = openUdpGroup({ address, port: 0, count: 1, ...BUFFERS }) as [number];
      const spi = 0x12345678;
      // A burst sent in one message (UDP_SEGMENT) crosses loopback whole.
      const plain = new Message();
      const burst = Buffer.concat([withSpi(spi, 500), withSpi(spi, 500), withSpi(spi, 200)]);
      setSegment(from, 500);
      assert.equal(plain.send(from, local, burst), 1);
      const got = message.receive(fds[1 + workerOf(spi, steering)]!);
      assert.deepEqual(Buffer.from(got!.payload), burst);
      assert.ok(
        got!.control.some(([level, type, value]) => level === 17 && type === 104 && value === 500),
        "UDP_GRO says 500",
      );
      assert.ok(
        got!.control.some(([level, type, value]) => (level === 0 ? type === 1 : level === 41 && type === 67) && value === 0),
        "TOS or traffic class 0",
      );
      close(from);
    });

    it("an empty socket says EAGAIN", () => {
      assert.equal(read(fds[1]!, new Uint8Array(1), 1), -1);
      assert.equal(errno(), EAGAIN);
    });
  });
}

describe("path MTU", privileged, () => {
  it("is the route's where that has one, else the device's", () => {
    const network = new Network();
    network.replaceRoute({ destination: "198.51.100.0/24", device: "lo", mtu: 1400 });
    network.addAddress("lo", "fd00::1/128");
    network.replaceRoute({ destination: "2001:db8:1::/48", device: "lo", mtu: 1380 });
    assert.equal(pathMtu("127.0.0.1", "127.0.0.2"), 65535);
    assert.equal(pathMtu("127.0.0.1", "198.51.100.7"), 1400);
    assert.equal(pathMtu("fd00::1", "2001:db8:1::7"), 1380);
  });

  it("no route is an error with a sentence", () => {
    assert.throws(() => pathMtu("127.0.0.1", "203.0.113.1"), /cannot find the path to 203.0.113.1: (ENETUNREACH|EINVAL)/);
  });
});

describe("UDP errors", privileged, () => {
  it("an address that is not ours", () => {
    assert.throws(
      () => openUdpGroup({ address: "203.0.113.99", port: 4500, count: 2, ...BUFFERS }),
      /cannot bind UDP 203.0.113.99:4500: EADDRNOTAVAIL .* no interface of this host has the address/,
    );
  });
});

function setSegment(fd: number, octets: number): void {
  const value = new Uint8Array(Uint32Array.of(octets).buffer);
  assert.equal(setsockopt(fd, 17, 103, value, 4), 0);
}
