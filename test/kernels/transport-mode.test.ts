/** Transport mode in the kernels (RFC 4303 §3.1.1): the IP header left out on the way out, and made anew on the way in. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { headerTemplate } from "../../src/dataplane/worker/header-template.ts";
import { REBUILD_ARENA } from "../../src/dataplane/worker/memory-map.ts";
import * as D from "../../src/kernels/drop-codes.ts";
import * as L from "../../src/kernels/layout.ts";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";
import type { PacketFields } from "../support/packets.ts";
import { assertPacketSound, buildPacket, referenceSegments, seededRandom } from "../support/packets.ts";
import { openPlain, sealPlain, type PlainSa } from "../support/plain-esp.ts";
import { BASE, KernelFrame, KEY, SALT } from "./bench-frame.ts";

const SPI = 0x1000;
const KEYS: PlainSa = { cipher: "aes128gcm16", keymat: Uint8Array.from([...KEY, ...SALT]) };
const GSO = { tcp4: 1, tcp6: 4, udp: 5 };
/** Of buildPacket. */
const ENDS = {
  4: { localTs: [parsePrefix("10.2.0.1/32")], remoteTs: [parsePrefix("10.1.0.1/32")] },
  6: { localTs: [parsePrefix("fd02::1/128")], remoteTs: [parsePrefix("fd01::1/128")] },
};
const HEADER = { 4: 20, 6: 40 };
const NUMBER = { tcp: 6, udp: 17 };
const random = seededRandom(4303);

function outboundFrame(): KernelFrame {
  const frame = new KernelFrame();
  frame.policies(([4, 6] as const).map((family) => ({ local: frame.selector(family), remote: frame.selector(family) })));
  return frame;
}

/** Classifies and seals what lies in the first OUT record. */
function seal(frame: KernelFrame, flags = 0): ReturnType<typeof openPlain>[] {
  const sa = frame.outboundSa(SPI, { flags: L.OSA_TRANSPORT | flags });
  frame.kernels.classify(frame.map.outs, 1);
  const packets: Uint8Array[] = [];
  for (let isDone = false; !isDone;) {
    frame.kernels.beginOutbound();
    const jobs = frame.kernels.encap(frame.map.outs, 1, sa);
    frame.sealJobs(jobs);
    frame.kernels.jobsSealed();
    packets.push(...frame.sent());
    isDone = frame.kernels.encapDone.value === 1;
  }
  return packets.map((packet) => openPlain(KEYS, packet));
}

function inboundFrame(family: 4 | 6): KernelFrame {
  const frame = new KernelFrame();
  const sa = frame.inboundSa(SPI, {
    flags: L.ISA_TRANSPORT | L.ISA_COPY_ECN,
    local: frame.selector(family),
    remote: frame.selector(family),
  });
  frame.u8.set(headerTemplate(ENDS[family]), sa + L.ISA_IP_HEADER);
  return frame;
}

const sealed = (packet: Uint8Array, family: 4 | 6, sequence: number, next: number): Uint8Array =>
  sealPlain(KEYS, SPI, sequence, packet.subarray(HEADER[family]), random.octets(8), next);

/** What `join` has made of the burst: the octets of each write to the TUN device, without the virtio-net header. */
function joined({ kernels, map, view, u8 }: KernelFrame): Uint8Array[] {
  kernels.join();
  return Array.from({ length: kernels.deliveryCount.value }, (_, i) => {
    const delivery = map.deliveries + i * L.DELIVERY_SIZE;
    const first = view.getUint32(delivery + L.DELIVERY_VECTOR, true);
    const vectors = Array.from({ length: view.getUint32(delivery + L.DELIVERY_VECTORS, true) }, (__, at) => {
      const vector = first + at * L.IOV_SIZE;
      const from = Number(view.getBigUint64(vector, true)) - BASE;
      return u8.slice(from, from + Number(view.getBigUint64(vector + 8, true)));
    });
    return Uint8Array.from(Buffer.concat(vectors).subarray(L.VNET_HEADER));
  });
}

for (const family of [4, 6] as const) {
  for (const protocol of ["tcp", "udp"] as const) {
    describe(`${protocol} over IPv${family}`, () => {
      const fieldsOf = (length: number): PacketFields => ({ family, protocol, payload: random.octets(length), tos: 0xb9, id: 0 });

      for (const flags of [0, L.OSA_COPIES]) {
        test(`what is behind the IP header is sealed ${flags === 0 ? "where it lies" : "in a copy"}, under its protocol`, () => {
          for (const length of [0, 1, 2, 3, 500, 1400]) {
            const frame = outboundFrame();
            const packet = buildPacket(fieldsOf(length));
            frame.putOut(0, frame.map.tunArena + 64, packet);
            const [esp, ...more] = seal(frame, flags);
            assert.deepEqual(esp?.inner, packet.slice(HEADER[family]));
            assert.deepEqual([esp.nextHeader, more.length], [NUMBER[protocol], 0]);
          }
        });
      }

      test("segments of a super-packet lie without gaps, which one message for all of them needs", () => {
        for (const [length, size] of [
          [1, 100],
          [20_000, 1340],
          [60_000, 1340],
          [5001, 41],
        ] as const) {
          const frame = outboundFrame();
          const fields = fieldsOf(length);
          const gso = protocol === "udp" ? GSO.udp : family === 4 ? GSO.tcp4 : GSO.tcp6;
          frame.putOut(0, frame.map.tunArena + 64, buildPacket({ ...fields, partialChecksum: true }), {
            ...{ flags: 1, gso, size, start: HEADER[family], offset: protocol === "udp" ? 6 : 16 },
          });
          assert.deepEqual(
            seal(frame).map(({ inner }) => inner),
            referenceSegments(fields, size).map((segment) => segment.slice(HEADER[family])),
          );
          const at = (i: number, field: number): number => frame.view.getUint32(frame.map.sends + i * L.SEND_SIZE + field, true);
          for (let i = 1; i < frame.kernels.sendCount.value; i++) {
            assert.equal(at(i, L.SEND_PACKET), at(i - 1, L.SEND_PACKET) + at(i - 1, L.SEND_LENGTH));
          }
        }
      });

      test("comes in with the header that it had, DSCP and ECN of the outer one among it", () => {
        const frame = inboundFrame(family);
        for (const [i, length] of [0, 1, 2, 3, 500, 1400].entries()) {
          const packet = buildPacket(fieldsOf(length));
          const [delivered, ...more] = frame.receive([sealed(packet, family, i + 1, NUMBER[protocol])], { tos: 0xb9 });
          assert.deepEqual(delivered, packet);
          assertPacketSound(delivered);
          assert.equal(more.length, 0);
        }
      });

      test("packets that the kernel has merged are joined again", () => {
        const frame = inboundFrame(family);
        const fields = { ...fieldsOf(5000), tos: 0, flags: 0x10 };
        const packets = referenceSegments(fields, 1000).map((segment, i) => sealed(segment, family, i + 1, NUMBER[protocol]));
        const size = packets[0]?.length ?? 0;
        packets.forEach((packet, i) => frame.u8.set(packet, frame.map.rxBuffers + i * size));
        frame.kernels.beginInbound();
        frame.kernels.prepare(frame.map.rxBuffers, packets.length * size, size, 0, frame.map.rxNames, L.FROM_UDP);
        frame.openJobs(packets.length);
        frame.kernels.finish();
        const [whole, ...more] = joined(frame);
        assert.deepEqual(whole?.subarray(-5000), fields.payload);
        assert.equal(more.length, 0);
      });
    });
  }
}

test("fragments, and IPv6 headers that belong before ESP, are dropped under a name of their own", () => {
  const fragment = buildPacket({ family: 4, protocol: "udp", payload: random.octets(100) });
  fragment.set([0x20, 0], 6);
  const extended = [0, 43].map((next) => {
    const packet = buildPacket({ family: 6, protocol: "udp", payload: random.octets(100) });
    // The UDP header's place is taken by a header of 8 octets that UDP follows.
    packet.set([17, 0, 0, 0, 0, 0, 0, 0], 40);
    packet[6] = next;
    return packet;
  });
  for (const packet of [fragment, ...extended]) {
    const frame = outboundFrame();
    frame.putOut(0, frame.map.tunArena + 64, packet);
    assert.deepEqual(seal(frame), []);
    assert.equal(frame.drops(D.DROP_OUT_NOT_TRANSPORTABLE), 1);
  }
});

test("IPv4 options stay behind with their header", () => {
  const plain = buildPacket({ family: 4, protocol: "udp", payload: random.octets(50) });
  const packet = Uint8Array.from([...plain.subarray(0, 20), 1, 1, 1, 0, ...plain.subarray(20)]);
  packet[0] = 0x46;
  new DataView(packet.buffer).setUint16(2, packet.length);
  const frame = outboundFrame();
  frame.putOut(0, frame.map.tunArena + 64, packet);
  assert.deepEqual(
    seal(frame).map(({ inner }) => inner),
    [plain.slice(20)],
  );
});

test("what comes out is checked against the SA's selectors (RFC 4301 §5.2)", () => {
  const frame = new KernelFrame();
  const sa = frame.inboundSa(SPI, { flags: L.ISA_TRANSPORT, local: frame.selector(4, { protocol: 17, ports: [53, 53] }) });
  frame.u8.set(headerTemplate(ENDS[4]), sa + L.ISA_IP_HEADER);
  const packetTo = (destinationPort: number): Uint8Array =>
    buildPacket({ family: 4, protocol: "udp", payload: random.octets(9), destinationPort });
  assert.deepEqual(frame.receive([sealed(packetTo(54), 4, 1, 17), sealed(packetTo(53), 4, 2, 6)]), []);
  assert.equal(frame.drops(D.DROP_IN_STATE_MISMATCH), 2);
  assert.equal(frame.receive([sealed(packetTo(53), 4, 3, 17)]).length, 1);
});

test("a dummy packet is no packet (RFC 4303 §2.6)", () => {
  const frame = inboundFrame(4);
  assert.deepEqual(frame.receive([sealPlain(KEYS, SPI, 1, random.octets(40), random.octets(8), 59)]), []);
  assert.equal(frame.drops(D.DROP_IN_DUMMY), 1);
});

test("more than fits is left for the next burst, and nothing is lost", () => {
  const frame = inboundFrame(4);
  const packet = buildPacket({ family: 4, protocol: "udp", payload: random.octets(60_000) });
  const many = Math.ceil(REBUILD_ARENA / packet.length) + 1;
  let arrived = 0;
  frame.kernels.beginInbound();
  for (let i = 0; i < many; i++) {
    const esp = sealed(packet, 4, i + 1, 17);
    const at = frame.map.rxBuffers + i * 66 * 1024;
    frame.u8.set(esp, at);
    frame.kernels.prepare(at, esp.length, esp.length, 0, frame.map.rxNames, L.FROM_UDP);
    if (frame.kernels.preparedOctets.value === esp.length) continue;
    frame.openJobs(frame.kernels.preparedCount.value);
    frame.kernels.finish();
    arrived += frame.delivered().length;
    frame.kernels.beginInbound();
    frame.kernels.prepare(at, esp.length, esp.length, 0, frame.map.rxNames, L.FROM_UDP);
  }
  assert.ok(arrived > 0, "one burst did not do");
  frame.openJobs(frame.kernels.preparedCount.value);
  frame.kernels.finish();
  assert.equal(arrived + frame.delivered().length, many);
});
