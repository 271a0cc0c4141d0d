import { strict as assert } from "node:assert";
import { test } from "node:test";
import * as L from "../../src/kernels/layout.ts";
import { buildPacket, seededRandom } from "../support/packets.ts";
import { BASE, KernelFrame } from "./bench-frame.ts";

interface Message {
  readonly octets: number;
  readonly vectors: number;
  readonly segment: number | undefined;
  readonly tos: number | undefined;
  readonly packets: number;
  readonly dest: number;
}

function readMessages(frame: KernelFrame, count: number): Message[] {
  return Array.from({ length: count }, (_, i) => {
    const at = frame.map.messages + i * L.MSG_SIZE;
    const u64 = (offset: number): number => Number(frame.view.getBigUint64(offset, true));
    const iov = u64(at + L.MSG_IOV) - BASE;
    const vectors = u64(at + L.MSG_IOV_COUNT);
    let octets = 0;
    for (let v = 0; v < vectors; v++) octets += u64(iov + v * L.IOV_SIZE + 8);
    let segment: number | undefined;
    let tos: number | undefined;
    for (let c = 0; c < u64(at + L.MSG_CONTROL_LENGTH); c += 24) {
      const control = u64(at + L.MSG_CONTROL) - BASE + c;
      if (frame.view.getInt32(control + 8, true) === 17) segment = frame.view.getUint16(control + 16, true);
      else tos = frame.view.getInt32(control + 16, true);
    }
    return {
      octets,
      vectors,
      segment,
      tos,
      packets: frame.view.getUint32(at + L.MSG_PACKETS, true),
      dest: (u64(at + L.MSG_NAME) - BASE - frame.map.dests) / L.DEST_SIZE,
    };
  });
}

/** Frames small packets the way the worker lays them out, each following the one before. */
function frameAll(frame: KernelFrame, packets: readonly { length: number; tos?: number; sa: number }[]): void {
  let cursor = frame.map.tunArena;
  frame.kernels.beginOutbound();
  for (const { length, tos, sa } of packets) {
    const packet = buildPacket({ family: 4, protocol: "udp", payload: new Uint8Array(length), tos: tos ?? 0 });
    const at = cursor + L.ESP_HEADER;
    frame.putOut(0, at, packet);
    frame.kernels.classify(frame.map.outs, 1);
    frame.kernels.encap(frame.map.outs, 1, sa);
    frame.kernels.jobsSealed();
    cursor = at + ((packet.length + 5) & ~3) + L.ESP_ICV;
  }
}

function build(frame: KernelFrame): Message[] {
  const all: Message[] = [];
  for (let from = 0; from < frame.kernels.sendCount.value;) {
    const count = frame.kernels.buildMessages(from);
    assert.ok(frame.kernels.sendsTaken.value > 0);
    from += frame.kernels.sendsTaken.value;
    all.push(...readMessages(frame, count));
  }
  return all;
}

function newFrame(): { frame: KernelFrame; sa: (dest: number, flags?: number) => number } {
  const frame = new KernelFrame();
  frame.policies([{ local: frame.selector(4), remote: frame.selector(4) }]);
  frame.view.setUint16(frame.map.dests, 2, true);
  return {
    frame,
    sa: (dest, flags = 0) => {
      const at = frame.outboundSa(0x1000, { flags });
      frame.view.setUint32(at + L.OSA_DEST, dest, true);
      return at;
    },
  };
}

test("equal packets side by side leave in one message and one vector, a shorter one closes it", () => {
  const { frame, sa } = newFrame();
  const one = sa(0);
  frameAll(
    frame,
    [100, 100, 100, 40, 100].map((length) => ({ length, sa: one })),
  );
  const esp = (payload: number): number => 16 + ((28 + payload + 5) & ~3) + 16;
  assert.deepEqual(build(frame), [
    { octets: 3 * esp(100) + esp(40), vectors: 1, segment: esp(100), tos: undefined, packets: 4, dest: 0 },
    { octets: esp(100), vectors: 1, segment: undefined, tos: undefined, packets: 1, dest: 0 },
  ]);
});

test("another destination or another TOS begins another message", () => {
  const { frame, sa } = newFrame();
  const a = sa(0, L.OSA_COPY_DSCP);
  const b = sa(1, L.OSA_COPY_DSCP);
  frameAll(frame, [
    { length: 10, sa: a },
    { length: 10, sa: b },
    { length: 10, sa: a, tos: 0xb8 },
    { length: 10, sa: a, tos: 0xb8 },
  ]);
  assert.deepEqual(
    build(frame).map(({ packets, dest, tos }) => [packets, dest, tos]),
    [
      [1, 0, undefined],
      [1, 1, undefined],
      [2, 0, 0xb8],
    ],
  );
});

test("without UDP each packet is a message of its own, still many in one call", () => {
  const { frame, sa } = newFrame();
  frame.view.setUint32(frame.map.dests + L.DEST_RAW, 1, true);
  const one = sa(0, L.OSA_COPY_DSCP);
  frameAll(
    frame,
    [100, 100, 40].map((length) => ({ length, tos: 0xb8, sa: one })),
  );
  assert.equal(frame.kernels.buildMessages(0), 3);
  assert.equal(frame.kernels.sendsTaken.value, 3);
  for (const message of readMessages(frame, 3)) {
    assert.deepEqual([message.packets, message.vectors, message.segment, message.tos], [1, 1, undefined, 0xb8]);
  }
});

test("another socket ends the call, not the batch", () => {
  const { frame, sa } = newFrame();
  frame.view.setUint32(frame.map.dests + L.DEST_SIZE + L.DEST_SOCKET, 1, true);
  frameAll(frame, [
    { length: 10, sa: sa(0) },
    { length: 10, sa: sa(1) },
  ]);
  assert.equal(frame.kernels.buildMessages(0), 1);
  assert.equal(frame.kernels.messageSocket.value, 0);
  assert.equal(frame.kernels.sendsTaken.value, 1);
  assert.equal(frame.kernels.buildMessages(1), 1);
  assert.equal(frame.kernels.messageSocket.value, 1);
});

test("every packet is in exactly one message, none above 64 segments or 65,000 octets", () => {
  const random = seededRandom(8);
  const { frame, sa } = newFrame();
  const sas = [sa(0), sa(1)];
  const packets = Array.from({ length: 300 }, () => ({ length: random.below(4) * 200 + 50, sa: sas[random.below(2)] ?? 0, tos: 0 }));
  const chunks = [packets.slice(0, 150), packets.slice(150)];
  for (const chunk of chunks) {
    frameAll(frame, chunk);
    const total = frame.sent().reduce((sum, { length }) => sum + length, 0);
    const messages = build(frame);
    assert.equal(
      messages.reduce((sum, { octets }) => sum + octets, 0),
      total,
    );
    assert.equal(
      messages.reduce((sum, message) => sum + message.packets, 0),
      chunk.length,
    );
    for (const message of messages) assert.ok(message.packets <= L.MESSAGE_MAX_SEGMENTS && message.octets <= L.MESSAGE_MAX_OCTETS);
  }
});
