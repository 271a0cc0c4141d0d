import { strict as assert } from "node:assert";
import { createDecipheriv } from "node:crypto";
import { test } from "node:test";
import * as D from "../../src/kernels/drop-codes.ts";
import * as L from "../../src/kernels/layout.ts";
import type { PacketFields } from "../support/packets.ts";
import { assertPacketSound, buildPacket, referenceSegments, seededRandom } from "../support/packets.ts";
import { KernelFrame, KEY, SALT } from "./bench-frame.ts";

const GSO = { tcp4: 1, tcp6: 4, udp: 5 };

/** Opens an ESP packet the plain way (RFC 4106) and returns the inner packet. */
function openEsp(packet: Uint8Array, esnHigh?: number): { spi: number; seq: number; inner: Uint8Array; nextHeader: number } {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const decipher = createDecipheriv("aes-128-gcm", KEY, Uint8Array.from([...SALT, ...packet.subarray(8, 16)]));
  if (esnHigh === undefined) decipher.setAAD(packet.subarray(0, 8));
  else {
    const aad = new Uint8Array(12);
    aad.set(packet.subarray(0, 4));
    new DataView(aad.buffer).setUint32(4, esnHigh);
    aad.set(packet.subarray(4, 8), 8);
    decipher.setAAD(aad);
  }
  decipher.setAuthTag(packet.subarray(-16));
  const plain = new Uint8Array(Buffer.concat([decipher.update(packet.subarray(16, -16)), decipher.final()]));
  const padding = plain.at(-2) ?? 0;
  assert.equal((plain.length & 3) === 0, true, "plaintext fills 4-octet words");
  for (let i = 1; i <= padding; i++) assert.equal(plain[plain.length - 3 - padding + i], i, "padding counts up (RFC 4303 §2.4)");
  return {
    spi: view.getUint32(0),
    seq: view.getUint32(4),
    inner: plain.subarray(0, plain.length - 2 - padding),
    nextHeader: plain.at(-1) ?? 0,
  };
}

function frameWithPolicy(): { frame: KernelFrame; policy4: number; policy6: number } {
  const frame = new KernelFrame();
  const [policy4 = 0, policy6 = 0] = frame.policies([
    { local: frame.selector(4), remote: frame.selector(4) },
    { local: frame.selector(6), remote: frame.selector(6) },
  ]);
  return { frame, policy4, policy6 };
}

const out = (frame: KernelFrame, index: number, field: number): number =>
  frame.view.getUint32(frame.map.outs + index * L.OUT_SIZE + field, true);

function putSuper(frame: KernelFrame, fields: PacketFields, size: number): number {
  const packet = buildPacket({ ...fields, partialChecksum: true });
  const start = fields.family === 4 ? 20 : 40;
  const gso = fields.protocol === "udp" ? GSO.udp : fields.family === 4 ? GSO.tcp4 : GSO.tcp6;
  frame.putOut(0, frame.map.tunArena + 64, packet, { flags: 1, gso, size, start, offset: fields.protocol === "udp" ? 6 : 16 });
  frame.kernels.classify(frame.map.outs, 1);
  return out(frame, 0, L.OUT_SEGMENTS);
}

/** Seals one super-packet to the end, in as many batches as it takes. */
function sealAll(frame: KernelFrame, sa: number): Uint8Array[] {
  const packets: Uint8Array[] = [];
  let first = 0;
  frame.kernels.beginOutbound();
  for (let round = 0; first < 1; round++) {
    assert.ok(round < 100, "encap makes progress");
    const jobs = frame.kernels.encap(frame.map.outs, 1 - first, sa);
    first += frame.kernels.encapDone.value;
    frame.sealJobs(jobs);
    frame.kernels.jobsSealed();
    if (first < 1 && jobs === 0) {
      packets.push(...frame.sent());
      frame.kernels.beginOutbound();
    }
  }
  return [...packets, ...frame.sent()];
}

for (const family of [4, 6] as const) {
  for (const protocol of ["tcp", "udp"] as const) {
    test(`a ${protocol} super-packet over IPv${family} becomes the segments of the plain reference, each in its own ESP packet`, () => {
      const random = seededRandom(family * 10 + protocol.length);
      for (const [length, size] of [
        [1, 100],
        [1340, 1340],
        [1341, 1340],
        [20000, 1340],
        [60000, 1340],
        [30000, 536],
        [5001, 41],
      ] as const) {
        const { frame } = frameWithPolicy();
        const fields: PacketFields = {
          family,
          protocol,
          payload: random.octets(length),
          flags: 0x99, // CWR, ACK, PSH, FIN
          id: 0xfffe,
          sequence: 0xffffff00,
          tos: 0xb8,
          ...(protocol === "tcp" ? { options: Uint8Array.of(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8) } : {}),
        };
        const expected = referenceSegments(fields, size);
        assert.equal(putSuper(frame, fields, size), expected.length);
        const sa = frame.outboundSa(0xc0ffee01, { seq: 41n });
        const sent = sealAll(frame, sa);
        assert.equal(sent.length, expected.length, `${length} octets in segments of ${size}`);
        sent.forEach((packet, i) => {
          const { spi, seq, inner, nextHeader } = openEsp(packet);
          assert.equal(spi, 0xc0ffee01);
          assert.equal(seq, 41 + i);
          assert.equal(nextHeader, family === 4 ? 4 : 41);
          assert.deepEqual(inner, expected[i], `segment ${i} of ${length}/${size}`);
          assertPacketSound(inner);
        });
        assert.equal(frame.view.getFloat64(sa + L.OSA_PACKETS, true), expected.length);
        assert.equal(
          frame.view.getFloat64(sa + L.OSA_BYTES, true),
          expected.reduce((sum, { length: n }) => sum + n, 0),
        );
      }
    });
  }
}

test("a single packet is sealed where it lies, its partial checksum completed", () => {
  for (const family of [4, 6] as const) {
    for (const protocol of ["tcp", "udp"] as const) {
      const { frame, policy4, policy6 } = frameWithPolicy();
      for (let length = 0; length < 20; length++) {
        const fields: PacketFields = { family, protocol, payload: seededRandom(length).octets(length) };
        const start = family === 4 ? 20 : 40;
        frame.putOut(0, frame.map.tunArena + 64, buildPacket({ ...fields, partialChecksum: true }), {
          flags: 1,
          start,
          offset: protocol === "udp" ? 6 : 16,
        });
        frame.kernels.classify(frame.map.outs, 1);
        assert.equal(out(frame, 0, L.OUT_POLICY), family === 4 ? policy4 : policy6);
        assert.equal(out(frame, 0, L.OUT_SEGMENTS), 1);
        const [packet] = sealAll(frame, frame.outboundSa(0x1001));
        assert.ok(packet);
        assert.deepEqual(openEsp(packet).inner, buildPacket(fields));
      }
    }
  }
});

test("a packet that was handed on is not checksummed twice", () => {
  const { frame } = frameWithPolicy();
  const fields: PacketFields = { family: 4, protocol: "tcp", payload: Uint8Array.of(1, 2, 3) };
  frame.putOut(0, frame.map.tunArena + 64, buildPacket({ ...fields, partialChecksum: true }), { flags: 1, start: 20, offset: 16 });
  frame.kernels.classify(frame.map.outs, 1);
  frame.kernels.classify(frame.map.outs, 1);
  assert.deepEqual(frame.u8.slice(frame.map.tunArena + 64, frame.map.tunArena + 64 + 43), buildPacket(fields));
});

test("ESN: the high half is authenticated and in the nonce, and is not on the wire", () => {
  const { frame } = frameWithPolicy();
  frame.putOut(0, frame.map.tunArena + 64, buildPacket({ family: 4, protocol: "udp", payload: Uint8Array.of(7) }));
  frame.kernels.classify(frame.map.outs, 1);
  const [packet] = sealAll(frame, frame.outboundSa(0x1001, { esn: true, seq: 0x5_0000_0003n, limit: (1n << 62n) - 1n }));
  assert.ok(packet);
  assert.equal(openEsp(packet, 5).seq, 3);
});

test("the last sequence number is used once and nothing after it", () => {
  const { frame } = frameWithPolicy();
  const sa = frame.outboundSa(0x1001, { seq: 0xfffffffen });
  const fields: PacketFields = { family: 4, protocol: "tcp", payload: new Uint8Array(5 * 100) };
  putSuper(frame, fields, 100);
  const sent = sealAll(frame, sa);
  assert.deepEqual(
    sent.map((packet) => openEsp(packet).seq),
    [0xfffffffe, 0xffffffff],
  );
  assert.equal(frame.drops(D.DROP_OUT_STATE_SEQ_ERROR), 3);
});

test("limits: soft is marked, hard stops the SA and counts what it drops", () => {
  const { frame } = frameWithPolicy();
  const sa = frame.outboundSa(0x1001);
  frame.view.setFloat64(sa + L.OSA_SOFT_PACKETS, 2, true);
  frame.view.setFloat64(sa + L.OSA_HARD_PACKETS, 3, true);
  const send = (): number => {
    frame.putOut(0, frame.map.tunArena + 64, buildPacket({ family: 4, protocol: "udp", payload: Uint8Array.of(7) }));
    frame.kernels.classify(frame.map.outs, 1);
    return sealAll(frame, sa).length;
  };
  const flags = (): number => frame.view.getUint32(sa + L.OSA_FLAGS, true) & (L.OSA_SOFT_REACHED | L.OSA_HARD_REACHED);
  assert.equal(send(), 1);
  assert.equal(flags(), 0);
  assert.equal(send(), 1);
  assert.equal(flags(), L.OSA_SOFT_REACHED);
  assert.equal(send(), 1);
  assert.equal(flags(), L.OSA_SOFT_REACHED | L.OSA_HARD_REACHED);
  assert.equal(send(), 0);
  assert.equal(frame.drops(D.DROP_OUT_STATE_EXPIRED), 1);
});

test("DSCP and ECN go to the outer header when the SA says so", () => {
  for (const [flags, expected] of [
    [0, 0],
    [L.OSA_COPY_DSCP, 0xb8],
    [L.OSA_COPY_ECN, 2],
    [L.OSA_COPY_DSCP | L.OSA_COPY_ECN, 0xba],
  ] as const) {
    for (const family of [4, 6] as const) {
      const { frame } = frameWithPolicy();
      frame.putOut(0, frame.map.tunArena + 64, buildPacket({ family, protocol: "udp", payload: Uint8Array.of(7), tos: 0xba }));
      frame.kernels.classify(frame.map.outs, 1);
      sealAll(frame, frame.outboundSa(0x1001, { flags }));
      assert.equal(frame.view.getUint32(frame.map.sends + L.SEND_TOS, true), expected);
    }
  }
});

test("what is not a packet, or no policy covers, is dropped under its reason", () => {
  const frame = new KernelFrame();
  frame.policies([{ local: frame.selector(4), remote: frame.selector(4, { protocol: 17, ports: [53, 53] }) }]);
  const classify = (packet: Uint8Array, vnet?: Parameters<KernelFrame["putOut"]>[3]): void => {
    frame.putOut(0, frame.map.tunArena + 64, packet, vnet);
    frame.kernels.classify(frame.map.outs, 1);
  };
  const dns = buildPacket({ family: 4, protocol: "udp", payload: new Uint8Array(8), destinationPort: 53 });
  classify(dns);
  assert.notEqual(out(frame, 0, L.OUT_POLICY), 0);
  classify(buildPacket({ family: 4, protocol: "udp", payload: new Uint8Array(8), destinationPort: 54 }));
  classify(buildPacket({ family: 4, protocol: "tcp", payload: new Uint8Array(8), destinationPort: 53 }));
  assert.equal(frame.drops(D.DROP_OUT_NO_POLS), 2);
  const laterFragment = dns.slice();
  laterFragment[6] = 0x20;
  laterFragment[7] = 0x10;
  classify(laterFragment);
  assert.equal(frame.drops(D.DROP_OUT_FRAGMENT_NO_PORTS), 1);
  const malformed: [Uint8Array, Parameters<KernelFrame["putOut"]>[3]?][] = [
    [new Uint8Array(0)],
    [dns.slice(0, 19)],
    [dns.slice(0, dns.length - 1)],
    [Uint8Array.from(dns, (octet, i) => (i === 0 ? 0x55 : octet))],
    [Uint8Array.from(dns, (octet, i) => (i === 0 ? 0x44 : octet))],
    [dns, { flags: 1, start: 20, offset: 60000 }],
    [dns, { gso: GSO.tcp4, size: 100, start: 20, offset: 16 }],
    [dns, { gso: GSO.udp, size: 0, start: 20, offset: 6 }],
    [dns, { gso: 3, size: 100, start: 20, offset: 6 }],
  ];
  for (const [packet, vnet] of malformed) classify(packet, vnet);
  assert.equal(frame.drops(D.DROP_OUT_HDR_ERROR), malformed.length);
});

test("the flow cache gives the same answer as the ordered list, also after the list changed", () => {
  const random = seededRandom(4301);
  const frame = new KernelFrame();
  const ranges = Array.from({ length: 12 }, (_, i) => ({ start: BigInt(0x0a000000 + i * 16), end: BigInt(0x0a000000 + i * 16 + 40) }));
  for (let change = 0; change < 300; change++) {
    const shuffled = [...ranges].sort(() => random.next() - 0.5).slice(0, 6);
    const addresses = frame.policies(
      shuffled.map(({ start, end }) => ({ local: frame.selector(4), remote: frame.selector(4, { start, end }) })),
    );
    for (let i = 0; i < 30; i++) {
      const address = 0x0a000000 + random.below(220);
      const destination = Uint8Array.of(10, 0, 0, address & 0xff);
      frame.putOut(0, frame.map.tunArena + 64, buildPacket({ family: 4, protocol: "udp", payload: new Uint8Array(2), destination }));
      frame.kernels.classify(frame.map.outs, 1);
      const expected = shuffled.findIndex(({ start, end }) => BigInt(address) >= start && BigInt(address) <= end);
      assert.equal(out(frame, 0, L.OUT_POLICY), expected < 0 ? 0 : addresses[expected]);
    }
  }
});
