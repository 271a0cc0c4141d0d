import { strict as assert } from "node:assert";
import { createCipheriv } from "node:crypto";
import { test } from "node:test";
import * as D from "../../src/kernels/drop-codes.ts";
import { OWNER_CONTROL } from "../../src/kernels/kernels.ts";
import * as L from "../../src/kernels/layout.ts";
import { buildPacket, referenceChecksum, seededRandom } from "../support/packets.ts";
import { KernelFrame, KEY, SALT } from "./bench-frame.ts";

interface EspFields {
  readonly spi?: number;
  readonly seq?: number;
  readonly esnHigh?: number;
  readonly nextHeader?: number;
  readonly tfcPadding?: number;
}

/** Seals the plain way (RFC 4303, RFC 4106). */
function sealEsp(inner: Uint8Array, { spi = 0x1000, seq = 1, esnHigh, nextHeader, tfcPadding = 0 }: EspFields = {}): Uint8Array {
  const padded = new Uint8Array(inner.length + tfcPadding);
  padded.set(inner);
  const padding = -(padded.length + 2) & 3;
  const next = nextHeader ?? ((inner[0] ?? 0) >> 4 === 4 ? 4 : 41);
  const text = Uint8Array.from([...padded, ...[1, 2, 3].slice(0, padding), padding, next]);
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  view.setUint32(0, spi);
  view.setUint32(4, seq);
  view.setUint32(8, 0xfeedface);
  view.setUint32(12, seq);
  const cipher = createCipheriv("aes-128-gcm", KEY, Uint8Array.from([...SALT, ...header.subarray(8)]));
  if (esnHigh === undefined) cipher.setAAD(header.subarray(0, 8));
  else {
    const aad = new Uint8Array(12);
    aad.set(header.subarray(0, 4));
    new DataView(aad.buffer).setUint32(4, esnHigh);
    aad.set(header.subarray(4, 8), 8);
    cipher.setAAD(aad);
  }
  const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  return Uint8Array.from([...header, ...sealed]);
}

const inner4 = buildPacket({ family: 4, protocol: "udp", payload: Uint8Array.of(1, 2, 3, 4, 5) });
const inner6 = buildPacket({ family: 6, protocol: "tcp", payload: Uint8Array.of(9, 9) });

test("packets of several SAs in one burst come out as they went in, each opened in a run of its key", () => {
  const frame = new KernelFrame();
  frame.inboundSa(0x1000);
  frame.inboundSa(0x2000, { local: frame.selector(6), remote: frame.selector(6) });
  const packets = [
    sealEsp(inner4, { seq: 1 }),
    sealEsp(inner4, { seq: 2 }),
    sealEsp(inner6, { spi: 0x2000, seq: 1 }),
    sealEsp(inner4, { seq: 3 }),
  ];
  assert.deepEqual(frame.receive(packets), [inner4, inner4, inner6, inner4]);
  assert.equal(frame.kernels.runCount.value, 3);
});

test("merged messages are walked segment by segment", () => {
  const frame = new KernelFrame();
  const sa = frame.inboundSa(0x1000);
  const packets = [1, 2, 3].map((seq) => sealEsp(inner4, { seq }));
  const size = packets[0]?.length ?? 0;
  packets.forEach((packet, i) => frame.u8.set(packet, frame.map.rxBuffers + i * size));
  frame.kernels.beginInbound();
  frame.kernels.prepare(frame.map.rxBuffers, 3 * size, size, 0, frame.map.rxNames, L.FROM_UDP);
  assert.equal(frame.kernels.preparedOctets.value, 3 * size);
  frame.openJobs(3);
  frame.kernels.finish();
  assert.deepEqual(frame.delivered(), [inner4, inner4, inner4]);
  assert.equal(frame.view.getFloat64(sa + L.ISA_PACKETS, true), 3);
  assert.equal(frame.view.getFloat64(sa + L.ISA_BYTES, true), 3 * inner4.length);
});

test("one flipped bit anywhere: dropped, counted, and the window is as before", () => {
  const frame = new KernelFrame();
  const sa = frame.inboundSa(0x1000);
  const good = sealEsp(inner4, { seq: 9 });
  for (let i = 4; i < good.length; i++) {
    const bad = good.slice();
    bad[i] = (bad[i] ?? 0) ^ 0x10;
    assert.deepEqual(frame.receive([bad]), [], `octet ${i}`);
  }
  assert.equal(frame.drops(D.DROP_IN_STATE_PROTO_ERROR), good.length - 4);
  assert.equal(frame.view.getBigUint64(sa + L.ISA_TOP, true), 0n);
  assert.deepEqual(frame.receive([good]), [inner4]);
});

test("a replay is dropped, in a later burst and within the same one", () => {
  const frame = new KernelFrame();
  frame.inboundSa(0x1000);
  const packet = sealEsp(inner4, { seq: 5 });
  assert.deepEqual(frame.receive([packet, packet]), [inner4]);
  assert.deepEqual(frame.receive([packet]), []);
  assert.equal(frame.drops(D.DROP_IN_STATE_SEQ_ERROR), 2);
});

test("ESN: the high half is inferred over the wrap, both ways", () => {
  const frame = new KernelFrame();
  const sa = frame.inboundSa(0x1000, { esn: true, window: 64 });
  const receive = (high: number, seq: number): number => frame.receive([sealEsp(inner4, { esnHigh: high, seq })]).length;
  frame.view.setBigUint64(sa + L.ISA_TOP, 0xffffffe0n, true);
  assert.equal(receive(0, 0xfffffff0), 1);
  assert.equal(receive(1, 3), 1, "over the wrap");
  assert.equal(receive(0, 0xfffffff5), 1, "late, from before the wrap");
  assert.equal(receive(0, 0xfffffff0), 0, "a replay from before the wrap");
  assert.equal(receive(1, 4), 1);
  assert.equal(frame.view.getBigUint64(sa + L.ISA_TOP, true), 0x1_0000_0004n);
  assert.equal(frame.drops(D.DROP_IN_STATE_SEQ_ERROR), 1);
});

test("ESN: a sequence number from before the first one is refused without opening", () => {
  const frame = new KernelFrame();
  frame.inboundSa(0x1000, { esn: true, window: 64 });
  assert.equal(frame.receive([sealEsp(inner4, { esnHigh: 0, seq: 3 })]).length, 1);
  assert.equal(frame.receive([sealEsp(inner4, { esnHigh: 0, seq: 0xffffffff })]).length, 0);
  assert.equal(frame.drops(D.DROP_IN_STATE_SEQ_ERROR), 1);
});

test("what comes out is checked against the SA's selectors (RFC 4301 §5.2)", () => {
  const frame = new KernelFrame();
  frame.inboundSa(0x1000, {
    remote: frame.selector(4, { start: 0x0a010000n, end: 0x0a0100ffn }),
    local: frame.selector(4, { protocol: 17, ports: [5201, 5201] }),
  });
  assert.equal(frame.receive([sealEsp(inner4, { seq: 1 })]).length, 1);
  const wrong = [
    buildPacket({ family: 4, protocol: "udp", payload: new Uint8Array(1), source: Uint8Array.of(10, 1, 1, 1) }),
    buildPacket({ family: 4, protocol: "udp", payload: new Uint8Array(1), destinationPort: 5202 }),
    buildPacket({ family: 4, protocol: "tcp", payload: new Uint8Array(1) }),
    inner6,
  ];
  wrong.forEach((packet, i) => assert.equal(frame.receive([sealEsp(packet, { seq: 2 + i })]).length, 0));
  assert.equal(frame.drops(D.DROP_IN_STATE_MISMATCH), wrong.length);
});

test("malformed insides: named drops, never a delivery", () => {
  const frame = new KernelFrame();
  frame.inboundSa(0x1000);
  assert.deepEqual(frame.receive([sealEsp(inner4, { seq: 1, nextHeader: 59 })]), []);
  assert.equal(frame.drops(D.DROP_IN_DUMMY), 1);
  const bad = [
    sealEsp(inner4, { seq: 2, nextHeader: 17 }),
    sealEsp(inner4, { seq: 3, nextHeader: 41 }),
    sealEsp(inner4.slice(0, 12), { seq: 4 }),
    sealEsp(
      Uint8Array.from(inner4, (octet, i) => (i === 3 ? 0xff : octet)),
      { seq: 5 },
    ),
    sealEsp(new Uint8Array(0), { seq: 6, nextHeader: 4 }),
  ];
  for (const packet of bad) assert.deepEqual(frame.receive([packet]), []);
  assert.equal(frame.drops(D.DROP_IN_HDR_ERROR), bad.length);
  // Traffic-flow padding behind the datagram is cut off.
  assert.deepEqual(frame.receive([sealEsp(inner4, { seq: 7, tfcPadding: 100 })]), [inner4]);
});

test("garbage of any length never delivers, and every octet string is one counted drop", () => {
  const frame = new KernelFrame();
  frame.inboundSa(0x1000);
  const random = seededRandom(99);
  let sent = 0;
  for (let length = 1; length < 200; length++) {
    const garbage = random.octets(length);
    if (length >= 4 && random.below(2) === 0) garbage.set([0, 0, 0x10, 0]);
    if (length >= 4 && garbage[0] === 0 && garbage[1] === 0 && garbage[2] === 0 && garbage[3] === 0) continue;
    assert.deepEqual(frame.receive([garbage]), []);
    sent++;
  }
  const counted = [D.DROP_IN_HDR_ERROR, D.DROP_IN_NO_STATES, D.DROP_IN_STATE_PROTO_ERROR, D.DROP_IN_STATE_SEQ_ERROR].reduce(
    (sum, code) => sum + frame.drops(code),
    0,
  );
  assert.equal(counted, sent);
});

test("ECN on exit: RFC 6040 figure 4", () => {
  const expected: Record<string, number | "drop"> = {};
  // rows: inner Not-ECT, ECT(0), ECT(1), CE; columns: outer Not-ECT, ECT(0), ECT(1), CE
  const table: (number | "drop")[][] = [
    [0, 0, 0, "drop"],
    [2, 2, 1, 3],
    [1, 1, 1, 3],
    [3, 3, 3, 3],
  ];
  const codes = [0, 2, 1, 3];
  codes.forEach((inner, row) => codes.forEach((outer, column) => (expected[`${inner}/${outer}`] = table[row]?.[column] ?? 0)));
  for (const family of [4, 6] as const) {
    for (const [key, result] of Object.entries(expected)) {
      const [inner = 0, outer = 0] = key.split("/").map(Number);
      const frame = new KernelFrame();
      frame.inboundSa(0x1000, { flags: L.ISA_COPY_ECN, local: frame.selector(family), remote: frame.selector(family) });
      const packet = buildPacket({ family, protocol: "udp", payload: Uint8Array.of(1), tos: 0xb8 | inner });
      const [delivered] = frame.receive([sealEsp(packet)], { tos: outer });
      if (result === "drop") {
        assert.equal(delivered, undefined, key);
        assert.equal(frame.drops(D.DROP_IN_ECN_ILLEGAL), 1);
        continue;
      }
      assert.ok(delivered, key);
      assert.deepEqual(
        delivered,
        buildPacket({ family, protocol: "udp", payload: Uint8Array.of(1), tos: 0xb8 | result }),
        `inner ${inner}, outer ${outer}`,
      );
      if (family === 4) assert.equal(referenceChecksum(delivered.subarray(0, 20)), 0);
    }
  }
});

test("packets of other workers and IKE messages are noted for their owner, side by side ones together", () => {
  const frame = new KernelFrame();
  frame.kernels.configureSteering(0, 0x9e3779b1, 4, 0);
  const owner = (spi: number): number => (Math.imul(spi, 0x9e3779b1) >>> 16) % 4;
  const foreign = Array.from({ length: 100 }, (_, i) => 0x5000 + i).find((spi) => owner(spi) === 2) ?? 0;
  const mine = Array.from({ length: 100 }, (_, i) => 0x6000 + i).find((spi) => owner(spi) === 0) ?? 0;
  const packet = sealEsp(inner4, { spi: foreign });
  frame.u8.set(packet, frame.map.rxBuffers);
  frame.u8.set(packet, frame.map.rxBuffers + packet.length);
  frame.kernels.beginInbound();
  frame.kernels.prepare(frame.map.rxBuffers, 2 * packet.length, packet.length, 0, frame.map.rxNames, L.FROM_UDP);
  assert.equal(frame.kernels.foreignCount.value, 1);
  const record = (i: number): number[] => [0, 4, 8, 12].map((at) => frame.view.getUint32(frame.map.foreigners + i * 16 + at, true));
  assert.deepEqual(record(0), [frame.map.rxBuffers, 2 * packet.length, packet.length, 2]);
  frame.prepare([sealEsp(inner4, { spi: mine })]);
  assert.equal(frame.drops(D.DROP_IN_NO_STATES), 1, "steered to us, but there is no such SA");
  assert.notEqual(frame.kernels.unknownSpi.value, 0, "and it is named");
  frame.prepare([new Uint8Array(32)]);
  assert.equal(record(1)[3], OWNER_CONTROL);
  // What another worker handed on is not handed on again.
  frame.kernels.prepare(frame.map.rxBuffers, packet.length, packet.length, 0, frame.map.rxNames, L.FROM_RING);
  assert.equal(frame.drops(D.DROP_IN_NO_STATES), 2);
});

test("without UDP an unknown SPI is nobody's: dropped, and named unless it is zero", () => {
  const frame = new KernelFrame();
  const { kernels, map } = frame;
  for (const spi of [0, 0x1234]) {
    const packet = sealEsp(inner4, { spi });
    frame.u8.set(packet, map.rxBuffers);
    kernels.beginInbound();
    kernels.prepare(map.rxBuffers, packet.length, packet.length, 0, map.rxNames, L.FROM_RAW);
    assert.deepEqual([kernels.foreignCount.value, kernels.unknownSpi.value], [0, spi]);
  }
  assert.equal(frame.drops(D.DROP_IN_NO_STATES), 2);
});

test("the peer's address is followed on the newest authentic packet only", () => {
  const frame = new KernelFrame();
  const sa = frame.inboundSa(0x1000);
  const name = (last: number): void => {
    frame.u8.fill(0, frame.map.rxNames, frame.map.rxNames + 28);
    frame.u8.set([2, 0, 0x11, 0x94, 192, 0, 2, last], frame.map.rxNames);
  };
  const moved = (): boolean => (frame.view.getUint32(sa + L.ISA_FLAGS, true) & L.ISA_PEER_MOVED) !== 0;
  const peer = (): number => frame.u8[sa + L.ISA_PEER + 7] ?? 0;
  name(1);
  frame.receive([sealEsp(inner4, { seq: 10 })]);
  assert.equal(moved(), true);
  assert.equal(peer(), 1);
  frame.view.setUint32(sa + L.ISA_FLAGS, 0, true);
  name(2);
  frame.receive([sealEsp(inner4, { seq: 9 })]);
  const forged = sealEsp(inner4, { seq: 11 });
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
  frame.receive([forged]);
  assert.equal(moved(), false, "late or forged packets move nothing");
  frame.receive([sealEsp(inner4, { seq: 11 })]);
  assert.equal(moved(), true);
  assert.equal(peer(), 2);
});

test("ESP without UDP moves nobody: its sender has no port", () => {
  const frame = new KernelFrame();
  const sa = frame.inboundSa(0x1000);
  const known = [2, 0, 0x11, 0x94, 192, 0, 2, 1];
  frame.u8.set(known, sa + L.ISA_PEER);
  frame.u8.fill(0, frame.map.rxNames, frame.map.rxNames + 28);
  frame.u8.set([2, 0, 0, 0, 198, 51, 100, 7], frame.map.rxNames);
  assert.deepEqual(frame.receive([sealEsp(inner4, { seq: 10 })]), [inner4]);
  assert.equal(frame.view.getUint32(sa + L.ISA_FLAGS, true) & L.ISA_PEER_MOVED, 0);
  assert.deepEqual([...frame.u8.subarray(sa + L.ISA_PEER, sa + L.ISA_PEER + 8)], known);
});
