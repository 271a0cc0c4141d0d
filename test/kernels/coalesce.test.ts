import { strict as assert } from "node:assert";
import { test } from "node:test";
import * as L from "../../src/kernels/layout.ts";
import type { PacketFields } from "../support/packets.ts";
import { assertPacketSound, buildPacket, referenceSegments, seededRandom } from "../support/packets.ts";
import { BASE, KernelFrame } from "./bench-frame.ts";

/** Lays inner packets out as `finish` leaves them and joins them; returns each write as (virtio-net header, packet). */
function joinAll(frame: KernelFrame, packets: readonly Uint8Array[]): { vnet: Uint8Array; packet: Uint8Array; taken: number }[] {
  let at = frame.map.rxBuffers + 64;
  packets.forEach((packet, i) => {
    frame.u8.set(packet, at);
    frame.view.setUint32(frame.map.ins + i * L.IN_SIZE + L.IN_PACKET, at, true);
    frame.view.setUint32(frame.map.ins + i * L.IN_SIZE + L.IN_LENGTH, packet.length, true);
    at += packet.length + 40;
  });
  // What `finish` would have counted.
  frame.view.setInt32(L.RESULT_PREPARED_COUNT, packets.length, true);
  frame.kernels.join();
  return Array.from({ length: frame.kernels.deliveryCount.value }, (_, i) => {
    const delivery = frame.map.deliveries + i * L.DELIVERY_SIZE;
    const field = (at: number): number => frame.view.getUint32(delivery + at, true);
    const octets: number[] = [];
    for (let v = 0; v < field(L.DELIVERY_VECTORS); v++) {
      const record = field(L.DELIVERY_VECTOR) + v * L.IOV_SIZE;
      const from = Number(frame.view.getBigUint64(record, true)) - BASE;
      octets.push(...frame.u8.subarray(from, from + Number(frame.view.getBigUint64(record + 8, true))));
    }
    assert.equal(octets.length, field(L.DELIVERY_OCTETS));
    return { vnet: Uint8Array.from(octets.slice(0, 10)), packet: Uint8Array.from(octets.slice(10)), taken: field(L.DELIVERY_PACKETS) };
  });
}

/** Checks a super-packet as the kernel would take it: its virtio-net header describes exactly `fields` in segments of `size`. */
function assertSuper(write: { vnet: Uint8Array; packet: Uint8Array }, fields: PacketFields, size: number): void {
  const vnet = new DataView(write.vnet.buffer);
  const transport = fields.family === 4 ? 20 : 40;
  const header = transport + (fields.protocol === "tcp" ? 20 + (fields.options?.length ?? 0) : 8);
  assert.deepEqual(
    {
      flags: vnet.getUint8(0),
      gso: vnet.getUint8(1),
      header: vnet.getUint16(2, true),
      size: vnet.getUint16(4, true),
      start: vnet.getUint16(6, true),
      offset: vnet.getUint16(8, true),
    },
    {
      flags: 1,
      gso: fields.protocol === "udp" ? 5 : fields.family === 4 ? 1 : 4,
      header,
      size,
      start: transport,
      offset: fields.protocol === "udp" ? 6 : 16,
    },
  );
  assert.deepEqual(write.packet, buildPacket({ ...fields, partialChecksum: true }));
}

for (const family of [4, 6] as const) {
  for (const protocol of ["tcp", "udp"] as const) {
    test(`segments of one ${protocol} flow over IPv${family} become the super-packet they came from`, () => {
      const options = protocol === "tcp" ? { options: Uint8Array.of(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8) } : {};
      for (const [length, size] of [
        [2680, 1340],
        [30001, 1340],
        [1341, 1340],
      ] as const) {
        const fields: PacketFields = { family, protocol, payload: seededRandom(length).octets(length), flags: 0x10, ...options };
        const writes = joinAll(new KernelFrame(), referenceSegments(fields, size));
        assert.equal(writes.length, 1);
        const [write] = writes;
        assert.ok(write);
        assertSuper(write, fields, size);
      }
    });
  }
}

test("PSH ends an aggregate and is kept", () => {
  const fields: PacketFields = { family: 4, protocol: "tcp", payload: new Uint8Array(3000), flags: 0x18 };
  const first = referenceSegments(fields, 1000);
  const more = referenceSegments({ ...fields, sequence: 4000, flags: 0x10 }, 1000);
  const writes = joinAll(new KernelFrame(), [...first, ...more]);
  assert.deepEqual(
    writes.map(({ taken }) => taken),
    [3, 3],
  );
  const [write] = writes;
  assert.ok(write);
  assertSuper(write, fields, 1000);
});

test("what must not be joined goes alone, exactly as it came, with an empty virtio-net header", () => {
  const base: PacketFields = { family: 4, protocol: "tcp", payload: new Uint8Array(100).fill(1), sequence: 1000 };
  const follower: PacketFields = { ...base, sequence: 1100 };
  const fragment = buildPacket(base);
  fragment[6] = 0x20;
  const pairs: [string, Uint8Array, Uint8Array][] = [
    ["a gap in the sequence", buildPacket(base), buildPacket({ ...follower, sequence: 1101 })],
    ["another port", buildPacket(base), buildPacket({ ...follower, sourcePort: 1 })],
    ["another address", buildPacket(base), buildPacket({ ...follower, source: Uint8Array.of(10, 1, 0, 9) })],
    ["another DSCP", buildPacket(base), buildPacket({ ...follower, tos: 4 })],
    ["another acknowledgement", buildPacket(base), buildPacket({ ...follower, acknowledgement: 1 })],
    ["another window", buildPacket(base), buildPacket({ ...follower, window: 1 })],
    [
      "other options",
      buildPacket({ ...base, options: Uint8Array.of(1, 1, 1, 1) }),
      buildPacket({ ...follower, options: Uint8Array.of(1, 1, 1, 0) }),
    ],
    ["SYN", buildPacket({ ...base, flags: 0x12 }), buildPacket(follower)],
    ["FIN behind", buildPacket(base), buildPacket({ ...follower, flags: 0x11 })],
    ["PSH in front", buildPacket({ ...base, flags: 0x18 }), buildPacket(follower)],
    ["a longer segment behind", buildPacket(base), buildPacket({ ...follower, payload: new Uint8Array(101) })],
    [
      "no payload",
      buildPacket({ ...base, payload: new Uint8Array(0) }),
      buildPacket({ ...follower, sequence: 1000, payload: new Uint8Array(0) }),
    ],
    ["a fragment", fragment, buildPacket(follower)],
    ["another family", buildPacket(base), buildPacket({ ...follower, family: 6 })],
  ];
  for (const [why, a, b] of pairs) {
    const writes = joinAll(new KernelFrame(), [a, b]);
    assert.deepEqual(
      writes.map(({ packet }) => packet),
      [a, b],
      why,
    );
    for (const { vnet } of writes) assert.deepEqual(vnet, new Uint8Array(10), why);
  }
});

test("a packet with a wrong checksum is delivered alone and untouched", () => {
  for (const protocol of ["tcp", "udp"] as const) {
    for (const broken of [0, 1, 2]) {
      const fields: PacketFields = { family: 4, protocol, payload: seededRandom(3).octets(300), flags: 0x10 };
      const segments = referenceSegments(fields, 100);
      const bad = segments[broken];
      assert.ok(bad);
      bad[bad.length - 1] = (bad.at(-1) ?? 0) ^ 1;
      const writes = joinAll(new KernelFrame(), segments);
      const alone = writes.find(({ packet }) => Buffer.compare(packet, bad) === 0);
      assert.ok(alone, `${protocol}, segment ${broken}`);
      assert.equal(alone.taken, 1);
      assert.equal(
        writes.reduce((sum, { taken }) => sum + taken, 0),
        3,
      );
    }
  }
});

test("a UDP datagram without a checksum is never joined", () => {
  const segments = referenceSegments({ family: 4, protocol: "udp", payload: new Uint8Array(300) }, 100);
  for (const segment of segments) segment.fill(0, 26, 28);
  assert.equal(joinAll(new KernelFrame(), segments).length, 3);
});

test("aggregates stay below 64 KiB and 64 datagrams", () => {
  const tcp = joinAll(
    new KernelFrame(),
    referenceSegments({ family: 4, protocol: "tcp", payload: new Uint8Array(100000), flags: 0x10 }, 1340),
  );
  assert.ok(tcp.length >= 2);
  for (const { packet } of tcp) assert.ok(packet.length <= 65535);
  const udp = joinAll(new KernelFrame(), referenceSegments({ family: 4, protocol: "udp", payload: new Uint8Array(100 * 10) }, 10));
  assert.deepEqual(
    udp.map(({ taken }) => taken),
    [64, 36],
  );
});

test("interleaved flows are all delivered, sound and in order within each flow", () => {
  const random = seededRandom(5);
  const flows = [1, 2, 3].map((port) =>
    referenceSegments({ family: 4, protocol: "tcp", payload: random.octets(5000), flags: 0x10, sourcePort: port }, 500),
  );
  const mixed: Uint8Array[] = [];
  while (flows.some((flow) => flow.length > 0)) {
    const flow = flows[random.below(3)] ?? [];
    mixed.push(...flow.splice(0, 1 + random.below(3)));
  }
  const writes = joinAll(new KernelFrame(), mixed);
  assert.equal(
    writes.reduce((sum, { taken }) => sum + taken, 0),
    30,
  );
  for (const { packet, taken } of writes) if (taken === 1) assertPacketSound(packet);
});
