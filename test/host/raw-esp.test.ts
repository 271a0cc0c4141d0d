/** Sockets for ESP without UDP, over loopback in a network namespace of their own. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { close, EAGAIN, EMSGSIZE, errno, read, SystemCallError } from "../../src/host/linux/libc.ts";
import { Network } from "../../src/host/linux/network.ts";
import { openRawEspSockets } from "../../src/host/linux/raw-esp.ts";
import { seededRandom } from "../support/packets.ts";
import { Message, received, withSpi, workerOf } from "./messages.ts";
import { ownNamespace } from "./privileges.ts";

const SEED = Number(process.env["SEED"] ?? 4303);
const privileged = ownNamespace();
const BUFFERS = { sendBuffer: 1 << 20, receiveBuffer: 1 << 20 };
const WORKERS = 5;
const STEERING = { mask: 0xdeadbeef, multiplier: 0x9e3779b1, workers: WORKERS };

for (const [address, other, headerLength] of [
  ["127.0.0.1", "127.0.0.2", 20],
  ["::1", "fd00::2", 0],
] as const) {
  describe(`ESP sockets on ${address} (SEED=${SEED})`, privileged, () => {
    const network = new Network();
    network.linkUp("lo");
    if (other === "fd00::2") network.addAddress("lo", `${other}/128`);
    const fds = openRawEspSockets({ address, steering: STEERING, ...BUFFERS });
    const strangers = openRawEspSockets({ address: other, steering: STEERING, ...BUFFERS });
    const message = new Message();
    const to = { address, port: 0 };
    after(() => [...fds, ...strangers].forEach(close));
    const spiOf = (packet: Uint8Array): number => new DataView(packet.buffer).getUint32(headerLength);

    it("each packet comes to the worker that its SPI names, to nobody else, and to the address it is for", () => {
      const random = seededRandom(SEED);
      const expected = Array.from({ length: WORKERS }, () => [] as number[]);
      for (let i = 0; i < 300; i++) {
        const spi = Math.floor(random.next() * 2 ** 32);
        expected[workerOf(spi, STEERING)]!.push(spi);
        assert.equal(message.send(strangers[0]!, to, withSpi(spi)), 1);
      }
      for (let worker = 0; worker < WORKERS; worker++) {
        const packets = received(fds[worker]!);
        assert.deepEqual(packets.map(spiOf), expected[worker]);
        assert.ok(packets.length > 0);
        for (const packet of packets) assert.equal(packet.length, headerLength + 64);
        assert.deepEqual(received(strangers[worker]!), []);
      }
    });

    it("what has no SPI comes to nobody", () => {
      assert.equal(message.send(strangers[0]!, to, Uint8Array.of(1, 2, 3)), 1);
      for (const fd of fds) assert.deepEqual(received(fd), []);
    });

    it("a packet comes with its traffic class", () => {
      const spi = 0x12345678;
      message.send(strangers[0]!, to, withSpi(spi));
      const got = message.receive(fds[workerOf(spi, STEERING)]!);
      assert.ok(got?.control.some(([level, type, value]) => (level === 0 ? type === 1 : level === 41 && type === 67) && value === 0));
    });

    it("nothing is fragmented: what the path does not take is refused", () => {
      network.setMtu("lo", 1500);
      assert.equal(message.send(strangers[0]!, to, withSpi(0x1000, 3000)), -1);
      assert.equal(errno(), EMSGSIZE);
      network.setMtu("lo", 65536);
    });

    it("an empty socket says EAGAIN", () => {
      assert.equal(read(fds[0]!, new Uint8Array(1), 1), -1);
      assert.equal(errno(), EAGAIN);
    });
  });
}

it("an address that is not ours", privileged, () => {
  assert.throws(
    () => openRawEspSockets({ address: "203.0.113.99", steering: STEERING, ...BUFFERS }),
    (error) => error instanceof SystemCallError && error.message.startsWith("cannot bind ESP of 203.0.113.99: EADDRNOTAVAIL"),
  );
});
