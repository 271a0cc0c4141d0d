import { strict as assert } from "node:assert";
import { test } from "node:test";
import { policyId } from "../../src/ipsec/names.ts";
import type { PolicySpec } from "../../src/ipsec/sadb.ts";
import { Spd } from "../../src/ipsec/spd.ts";
import * as L from "../../src/kernels/layout.ts";
import { decodeIpPacket, flowOf } from "../../src/wire/ip.ts";
import { parseAddress, parsePrefix } from "../../src/wire/traffic-selector.ts";
import type { TrafficSelector } from "../../src/wire/traffic-selector.ts";
import { buildPacket, seededRandom } from "../support/packets.ts";
import { KernelFrame } from "./bench-frame.ts";

const SELECTORS = [
  "0.0.0.0/0",
  "10.0.0.0/8",
  "10.2.0.0/24",
  "10.2.0.1/32[tcp]",
  "10.2.0.1/32[udp/53]",
  "10.2.0.0/16[udp/1000-6000]",
  "::/0",
  "fd00::/8",
  "fd02::1/128[tcp/5201]",
];

function install(frame: KernelFrame, policies: readonly PolicySpec[]): number[] {
  const record = ({ family, protocol, startPort, endPort, start, end }: TrafficSelector): number =>
    frame.selector(family, { protocol, ports: [startPort, endPort], start, end });
  return frame.policies(
    policies.map(({ localTs: [local], remoteTs: [remote] }) => ({
      local: record(local ?? assert.fail()),
      remote: record(remote ?? assert.fail()),
    })),
  );
}

test("the kernel's look-up is that of the plain SPD, over random policies and packets", () => {
  const random = seededRandom(4301);
  for (let round = 0; round < 150; round++) {
    const frame = new KernelFrame();
    const spd = new Spd();
    const pick = (): TrafficSelector => parsePrefix(SELECTORS[random.below(SELECTORS.length)] ?? "::/0");
    for (let id = 1; id <= 5; id++) {
      spd.add({ id: policyId(id), name: "", localTs: [pick()], remoteTs: [pick()], priority: random.below(3), onMissingSa: "drop" });
    }
    const addresses = install(frame, spd.list());
    for (let i = 0; i < 20; i++) {
      const family = random.below(2) === 0 ? 4 : 6;
      const packet = buildPacket({
        family,
        protocol: random.below(2) === 0 ? "tcp" : "udp",
        payload: new Uint8Array(4),
        destinationPort: [53, 5201, 2000][random.below(3)] ?? 53,
        sourcePort: [53, 5201, 7000][random.below(3)] ?? 53,
        ...(family === 4 ? { destination: Uint8Array.of(10, random.below(2) + 1, 0, random.below(2) + 1) } : {}),
      });
      frame.putOut(0, frame.map.tunArena + 64, packet);
      frame.kernels.classify(frame.map.outs, 1);
      const flow = flowOf(packet) ?? assert.fail();
      const expected = spd.lookup({
        family,
        protocol: flow.protocol,
        source: parseAddress(flow.sourceAddress).value,
        destination: parseAddress(flow.destinationAddress).value,
        ports: { source: flow.sourcePort, destination: flow.destinationPort },
      });
      const index = expected === undefined ? -1 : spd.list().findIndex(({ id }) => id === expected.id);
      assert.equal(
        frame.view.getUint32(frame.map.outs + L.OUT_POLICY, true),
        index < 0 ? 0 : addresses[index],
        `round ${round}, packet ${i}`,
      );
    }
  }
});

test("the kernel takes for an IP packet what src/wire takes for one: random packets with extension headers, fragments, cuts and flips", () => {
  const random = seededRandom(8200);
  const frame = new KernelFrame();
  let accepted = 0;
  for (let i = 0; i < 20_000; i++) {
    const family = random.below(2) === 0 ? 4 : 6;
    let packet = buildPacket({ family, protocol: random.below(2) === 0 ? "tcp" : "udp", payload: random.octets(random.below(60)) });
    if (family === 6 && random.below(2) === 0) {
      // Puts extension headers in front of the transport: hop-by-hop, routing, fragment, destination options, in any order.
      const chain = Array.from({ length: random.below(4) }, () => [0, 43, 44, 60][random.below(4)] ?? 0);
      const headers = chain.map((_, n) => {
        const header = new Uint8Array(8);
        header[0] = chain[n + 1] ?? packet[6] ?? 0;
        if (chain[n] === 44) header[3] = random.below(3) * 8 + random.below(2);
        return header;
      });
      packet = Uint8Array.from([...packet.subarray(0, 40), ...headers.flatMap((header) => [...header]), ...packet.subarray(40)]);
      packet[6] = chain[0] ?? packet[6] ?? 0;
      new DataView(packet.buffer).setUint16(4, packet.length - 40);
    }
    if (random.below(3) === 0) packet = packet.slice(0, random.below(packet.length + 1));
    for (let flips = random.below(3); flips > 0 && packet.length > 0; flips--)
      packet[random.below(Math.min(packet.length, 60))] = random.below(256);
    frame.u8.set(packet, frame.map.rxBuffers);
    const kernel = frame.kernels.parseIp(frame.map.rxBuffers, packet.length) !== 0;
    const reference = decodeIpPacket(packet);
    const fits = reference !== undefined && reference.totalLength <= packet.length;
    assert.equal(kernel, fits, `packet ${i}: ${Buffer.from(packet).toString("hex")}`);
    if (kernel) accepted++;
  }
  assert.ok(accepted > 5000, `${accepted} of 20000 were packets`);
});
