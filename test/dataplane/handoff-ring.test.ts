import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { OUT_LENGTH, OUT_PACKET, OUT_SIZE, VNET_HEADER } from "../../src/kernels/layout.ts";
import {
  KIND_INBOUND,
  KIND_OUTBOUND,
  neighbours,
  OUTBOUND_DATA,
  PACKET_LENGTH,
  PACKET_OFFSET,
  PACKET_SIZE,
  packetListAt,
  RECORD_COUNT,
  RECORD_DATA_LENGTH,
  RECORD_HEADER,
  RECORD_HOPS,
  RECORD_KIND,
  RECORD_PEER,
  RECORD_SEGMENT,
  RECORD_TOS,
  RingConsumer,
  RingProducer,
} from "../../src/dataplane/worker/handoff-ring.ts";
import { RING_DATA, RING_HEADER } from "../../src/dataplane/worker/memory-map.ts";
import { seededRandom } from "../support/packets.ts";

/** A ring and, behind it in the same memory, room for what is pushed; "absolute addresses" are offsets. */
class RingFrame {
  readonly memory = new SharedArrayBuffer(RING_HEADER + RING_DATA + 256 * 1024);
  readonly u8 = new Uint8Array(this.memory);
  readonly u32 = new Uint32Array(this.memory);
  readonly view = new DataView(this.memory);
  readonly producer = new RingProducer(this.memory, 0, 0);
  readonly consumer = new RingConsumer(this.memory, 0);
  readonly outs = RING_HEADER + RING_DATA;
  readonly source = this.outs + 64 * OUT_SIZE + 64;
  readonly copy = (to: number, from: number, octets: number): void => {
    this.u8.copyWithin(to, from, from + octets);
  };

  push(packet: Uint8Array, hops = 0): boolean {
    this.u8.set(packet, this.source);
    this.layOut([{ at: this.source, length: packet.length }]);
    return this.producer.pushOutbound(this.u32, 0, this.outs, 1, hops, this.copy);
  }

  /** Lists packets as a burst read from the TUN device is listed. */
  layOut(packets: readonly { at: number; length: number }[]): void {
    packets.forEach(({ at, length }, i) => {
      this.view.setUint32(this.outs + i * OUT_SIZE + OUT_PACKET, at, true);
      this.view.setUint32(this.outs + i * OUT_SIZE + OUT_LENGTH, length, true);
    });
  }

  /** The packets of an outbound record. */
  packets(record: number): Uint8Array[] {
    const list = record + packetListAt(this.view.getUint32(record + RECORD_DATA_LENGTH, true));
    return Array.from({ length: this.view.getUint32(record + RECORD_COUNT, true) }, (_, i) => {
      const at = record + OUTBOUND_DATA + this.view.getUint32(list + i * PACKET_SIZE + PACKET_OFFSET, true);
      return this.u8.slice(at, at + this.view.getUint32(list + i * PACKET_SIZE + PACKET_LENGTH, true));
    });
  }

  data(record: number): Uint8Array {
    const at = record + OUTBOUND_DATA;
    return this.u8.slice(at, at + this.view.getUint32(record + RECORD_DATA_LENGTH, true));
  }
}

test("records come out in order, whole, with their fields", () => {
  const ring = new RingFrame();
  ring.u8.fill(0xee, ring.source - VNET_HEADER, ring.source);
  assert.equal(ring.push(Uint8Array.of(1, 2, 3), 1), true);
  ring.u8.fill(0xab, ring.source + 100, ring.source + 128);
  assert.equal(ring.producer.pushInbound(ring.source, 3, 2, 0xb8, ring.source + 100, ring.copy), true);
  const first = ring.consumer.next();
  assert.equal(ring.view.getUint32(first + RECORD_KIND, true), KIND_OUTBOUND);
  assert.equal(ring.view.getUint32(first + RECORD_HOPS, true), 1);
  assert.deepEqual(ring.data(first), Uint8Array.of(1, 2, 3));
  assert.deepEqual(ring.u8.slice(first + OUTBOUND_DATA - VNET_HEADER, first + OUTBOUND_DATA), new Uint8Array(VNET_HEADER).fill(0xee));
  const second = ring.consumer.next();
  assert.equal(ring.view.getUint32(second + RECORD_KIND, true), KIND_INBOUND);
  assert.equal(ring.view.getUint32(second + RECORD_SEGMENT, true), 2);
  assert.equal(ring.view.getUint32(second + RECORD_TOS, true), 0xb8);
  assert.deepEqual(ring.u8.slice(second + RECORD_PEER, second + RECORD_PEER + 28), new Uint8Array(28).fill(0xab));
  assert.deepEqual(ring.u8.slice(second + RECORD_HEADER, second + RECORD_HEADER + 3), Uint8Array.of(1, 2, 3));
  assert.equal(ring.consumer.next(), 0);
});

test("packets that lie one behind the other are one record, each with what stands before it", () => {
  const ring = new RingFrame();
  const packets = [1400, 64, 1, 700].map((length, i) => new Uint8Array(length).fill(i + 1));
  let at = ring.source;
  const places = packets.map((packet) => {
    ring.u8.fill(0xe0, at - VNET_HEADER, at);
    ring.u8.set(packet, at);
    const place = { at, length: packet.length };
    at += packet.length + 40;
    return place;
  });
  ring.layOut(places);
  assert.equal(neighbours(ring.u32, ring.outs, 4), 4);
  assert.equal(ring.producer.pushOutbound(ring.u32, 0, ring.outs, 4, 1, ring.copy), true);
  const record = ring.consumer.next();
  assert.deepEqual(ring.packets(record), packets);
  const list = record + packetListAt(ring.view.getUint32(record + RECORD_DATA_LENGTH, true));
  for (let i = 0; i < 4; i++) {
    const packet = record + OUTBOUND_DATA + ring.view.getUint32(list + i * PACKET_SIZE + PACKET_OFFSET, true);
    assert.deepEqual(ring.u8.slice(packet - VNET_HEADER, packet), new Uint8Array(VNET_HEADER).fill(0xe0));
  }
  assert.equal(ring.consumer.next(), 0);
});

test("neighbours end where a packet lies elsewhere, and where there are too many octets for one record", () => {
  const ring = new RingFrame();
  const { source } = ring;
  const count = (...packets: [at: number, length: number][]): number => {
    ring.layOut(packets.map(([at, length]) => ({ at, length })));
    return neighbours(ring.u32, ring.outs, packets.length);
  };
  assert.equal(count([source, 100], [source + 140, 100]), 2);
  assert.equal(count([source, 100], [source + 100 + 257, 100]), 1, "too far behind");
  assert.equal(count([source + 140, 100], [source, 100]), 1, "before it");
  assert.equal(count([source, 100], [source + 50, 100]), 1, "within it");
  assert.equal(count([source, 65535], [source + 65600, 65000], [source + 130_700, 1000]), 2);
});

test("a full ring refuses, and takes again once the consumer has released", () => {
  const ring = new RingFrame();
  const packet = new Uint8Array(60000);
  let pushed = 0;
  while (ring.push(packet)) pushed++;
  assert.ok(pushed >= 60, `${pushed} super-packets fit`);
  for (let i = 0; i < pushed; i++) assert.notEqual(ring.consumer.next(), 0);
  assert.equal(ring.consumer.next(), 0);
  assert.equal(ring.push(packet), false, "records that are still worked on keep their room");
  ring.consumer.release();
  assert.equal(ring.push(packet), true);
});

test("a million octets of random traffic over many laps: nothing lost, torn or out of order", () => {
  const ring = new RingFrame();
  const random = seededRandom(42);
  const expected: Uint8Array[] = [];
  let sent = 0;
  let received = 0;
  while (received < 3000) {
    if (sent < 3000 && random.below(3) > 0) {
      const packet = random.octets(1 + random.below(random.below(20) === 0 ? 65000 : 1500));
      // Old octets must never be taken for a committed header.
      packet.fill(0xff, 0, packet.length >> 1);
      if (ring.push(packet)) {
        expected.push(packet);
        sent++;
      }
    } else {
      const record = ring.consumer.next();
      if (record !== 0) {
        assert.deepEqual(ring.data(record), expected.shift(), `record ${received}`);
        received++;
      }
      if (random.below(4) === 0) ring.consumer.release();
      else if (sent === 3000 && record === 0) ring.consumer.release();
    }
  }
});

test("sleep and wake: exactly one producer is told to wake the sleeper", () => {
  const ring = new RingFrame();
  assert.equal(ring.producer.claimWake(), false);
  ring.consumer.announceSleep();
  assert.equal(ring.consumer.pending, false);
  ring.push(Uint8Array.of(1));
  assert.equal(ring.consumer.pending, true);
  assert.equal(ring.producer.claimWake(), true);
  assert.equal(ring.producer.claimWake(), false);
  ring.producer.ringDoorbell();
  assert.equal(ring.consumer.doorbell, true);
  assert.equal(ring.consumer.takeDoorbell(), true);
  assert.equal(ring.consumer.takeDoorbell(), false);
});

test("four producer threads at once: every record arrives once, in order for each producer", async () => {
  const memory = new SharedArrayBuffer(RING_HEADER + RING_DATA);
  const consumer = new RingConsumer(memory, 0);
  const view = new DataView(memory);
  const each = 5000;
  const producers = 4;
  const script = new URL(`./ring-producer${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
  const workers = Array.from({ length: producers }, (_, id) => new Worker(script, { workerData: { memory, id, count: each } }));
  const done = Promise.all(workers.map((worker) => new Promise((resolve, reject) => worker.once("error", reject).once("exit", resolve))));
  const next = Array<number>(producers).fill(0);
  let received = 0;
  const deadline = Date.now() + 60_000;
  while (received < producers * each) {
    const record = consumer.next();
    if (record === 0) {
      consumer.release();
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(Date.now() < deadline, `only ${received} records arrived`);
      continue;
    }
    const id = view.getUint32(record + OUTBOUND_DATA, true);
    assert.equal(view.getUint32(record + RECORD_HOPS, true), id);
    assert.equal(view.getUint32(record + OUTBOUND_DATA + 4, true), next[id]);
    assert.equal(view.getUint32(record + RECORD_DATA_LENGTH, true), 8 + (((next[id] ?? 0) * 7919 + id * 131) % 3000));
    next[id] = (next[id] ?? 0) + 1;
    received++;
  }
  await done;
  assert.deepEqual(next, Array(producers).fill(each));
});
