import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { childSaId, cpuIndex, policyId } from "../../src/ipsec/names.ts";
import type { EspCipher } from "../../src/ipsec/esp-cipher.ts";
import { Iproute } from "../../src/host/linux/iproute.ts";
import { POLICY_CAPACITY } from "../../src/dataplane/worker/memory-map.ts";
import { probeEngines } from "../../src/dataplane/engines/engines.ts";
import type { HarnessOptions } from "./harness.ts";
import { DataPlaneHarness, isolate, pause, POLICY, skipUnlessRoot, until } from "./harness.ts";

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

let harness: DataPlaneHarness | undefined;

async function start(options: HarnessOptions = {}): Promise<DataPlaneHarness> {
  return (harness = await DataPlaneHarness.start(options));
}

function withPlane(name: string, body: () => Promise<void>): void {
  test(name, { skip: skipUnlessRoot, timeout: 60_000 }, async () => {
    try {
      await body();
    } finally {
      await harness?.stop();
      harness = undefined;
    }
  });
}

before(() => {
  if (skipUnlessRoot === false) isolate();
});
after(() => harness?.stop());

for (const engine of probeEngines()) {
  for (const cipher of [
    "aes128gcm16",
    "aes256gcm16",
    "chacha20poly1305",
    "aes128-sha256",
    "aes256ctr-sha512",
  ] as const satisfies readonly EspCipher[]) {
    if (!engine.available) {
      test(`${engine.name}, ${cipher}`, { skip: engine.reason }, () => undefined);
      continue;
    }
    withPlane(`${engine.name}, ${cipher}: out, in, counted`, async () => {
      const h = await start({ engine: engine.name, cipher });
      assert.equal(h.plane.engine.name, engine.name);
      const spi = h.spiFor(0);
      h.addInbound(1, 0, spi);
      h.addOutbound(1, 0);
      h.setEntry(0, h.own(1));
      await h.send(100, { size: 300 });
      await until("100 ESP packets", () => h.caught.length === 100);
      assert.deepEqual(h.numbers(), upTo(100));
      assert.deepEqual(
        h.caught.map(({ sequence }) => sequence),
        upTo(100).map((i) => i + 1),
      );
      for (let i = 1; i <= 50; i++) await h.inject(spi, i, Uint8Array.of(i));
      await until("50 datagrams", () => h.delivered.length === 50);
      assert.deepEqual(
        h.delivered.map(([first]) => first),
        upTo(50).map((i) => i + 1),
      );
      await h.inject(spi, 50, Uint8Array.of(50));
      const forged = h.seal(spi, 51, Uint8Array.of(51));
      forged[20] = (forged[20] ?? 0) ^ 1;
      await h.fromPeer(forged);
      await h.inject(h.spiFor(0, 1), 1, Uint8Array.of(1));
      await until("three drops", () => sum(Object.values(h.plane.counters().drops)) === 3);
      assert.deepEqual(h.plane.counters().drops, { InNoStates: 1, InStateProtoError: 1, InStateSeqError: 1 });
      await until("word of the unknown SPI", () => h.eventsOf("unknownSpi").length === 1);
      assert.equal(h.eventsOf("unknownSpi")[0]?.spi, h.spiFor(0, 1));
      assert.deepEqual(h.plane.usage(), [{ id: 1, packetsIn: 50, bytesIn: 50 * 29, packetsOut: 100, bytesOut: 100 * 328 }]);
      assert.equal(h.delivered.length, 50);
    });
  }
}

withPlane("packets wait for their first SA, ask once, and leave in order when it comes", async () => {
  const h = await start();
  await h.send(20);
  await until("the acquire", () => h.eventsOf("acquire").length > 0);
  await h.send(20, { from: 20 });
  await pause(50);
  assert.equal(h.eventsOf("acquire").length, 1);
  const { policyId, cpu, flow } = h.eventsOf("acquire")[0] ?? assert.fail();
  assert.deepEqual([policyId, cpu], [POLICY, 0]);
  assert.equal(flow.destinationAddress, "10.9.1.1");
  assert.equal(flow.destinationPort, 9);
  assert.equal(flow.protocol, 17);
  h.addOutbound(1, 0);
  h.setEntry(0, h.own(1));
  await h.send(20, { from: 40 });
  await until("60 ESP packets", () => h.caught.length === 60);
  assert.deepEqual(h.numbers(), upTo(60));
  assert.deepEqual(h.plane.counters().drops, {});
});

withPlane("the hold queue is bounded, and what does not fit or waits too long is counted", async () => {
  const h = await start({ onMissingSa: "hold" });
  await h.send(200);
  await until(
    "all to be held or counted",
    () =>
      sum(h.plane.counters().perWorker.map(({ heldPackets }) => heldPackets)) === 128 &&
      (h.plane.counters().drops.HoldOverflow ?? 0) === 72,
  );
  await until("the rest to time out", () => (h.plane.counters().drops.HoldTimeout ?? 0) === 128, 10_000);
});

withPlane("on_missing_sa drop: counted, and still asked for", async () => {
  const h = await start({ onMissingSa: "drop" });
  await h.send(10);
  await until("the drops", () => (h.plane.counters().drops.OutNoStates ?? 0) === 10);
  // Counters are read from memory at once; the acquire comes by message.
  await until("the acquire", () => h.eventsOf("acquire").length > 0);
  assert.equal(h.eventsOf("acquire").length, 1);
});

withPlane("re-steering: every worker without an SA hands its packets to the owner, and asks once", async () => {
  const h = await start({ workers: 4 });
  h.addOutbound(1, 2);
  h.setEntry(2, h.own(1));
  for (const cpu of [0, 1, 3]) h.setEntry(cpu, h.stub(2, 1, true));
  await h.send(1000);
  await until("1000 ESP packets", () => h.caught.length === 1000);
  assert.deepEqual(
    [...h.numbers()].sort((a, b) => a - b),
    upTo(1000),
  );
  assert.equal(new Set(h.caught.map(({ sequence }) => sequence)).size, 1000);
  const { perWorker, drops } = h.plane.counters();
  assert.deepEqual(drops, {});
  const to = sum(perWorker.map(({ resteeredTo }) => resteeredTo));
  assert.ok(to > 500, `${to} of 1000 were handed on`);
  assert.equal(perWorker[2]?.resteeredFrom, to);
  await until("all acquires", () => h.eventsOf("acquire").length >= 3);
  assert.deepEqual(
    h
      .eventsOf("acquire")
      .map(({ cpu }) => cpu)
      .sort(),
    [0, 1, 3],
  );
});

withPlane("entries that point at each other: a packet is handed on twice, then dropped and counted", async () => {
  const h = await start({ workers: 2 });
  h.setEntry(0, h.stub(1, 1));
  h.setEntry(1, h.stub(0, 1));
  await h.send(50);
  await until(
    "the drops",
    () => (h.plane.counters().drops.HandoffLoop ?? 0) === 50,
    5000,
    () => h.plane.counters(),
  );
});

withPlane("a shared SA sealed by all workers at once never repeats a sequence number", async () => {
  const h = await start({ workers: 4 });
  h.addOutbound(1, 0, { shared: true });
  for (const cpu of upTo(4)) h.setEntry(cpu, { kind: "shared", sa: childSaId(1), ask: false });
  await Promise.all(upTo(6).map((i) => h.send(1200, { from: i * 1200, burst: 256 })));
  await until(
    "7200 ESP packets",
    () => h.caught.length === 7200,
    20_000,
    () => [h.caught.length, h.plane.counters()],
  );
  const sequences = h.caught.map(({ sequence }) => sequence);
  assert.equal(new Set(sequences).size, sequences.length, "a sequence number was used twice");
  assert.equal(Math.max(...sequences), 7200, "numbers were reserved that no packet got");
  assert.equal(new Set(h.numbers()).size, 7200);
  const { perWorker } = h.plane.counters();
  for (const [cpu, { packetsOut }] of perWorker.entries()) assert.ok(packetsOut > 500, `worker ${cpu} sealed only ${packetsOut}`);
  assert.equal(h.plane.usage()[0]?.packetsOut, 7200);
});

withPlane("ESP that the kernel brings to the wrong worker is handed to the owner; IKE goes to control", async () => {
  const h = await start({ workers: 4, steering: false });
  const spis = upTo(4).map((cpu) => h.spiFor(cpu));
  spis.forEach((spi, cpu) => h.addInbound(cpu + 1, cpu, spi));
  for (let i = 1; i <= 25; i++) for (const spi of spis) await h.inject(spi, i, Uint8Array.of(i));
  await h.fromPeer(Uint8Array.of(0, 0, 0, 0, 0xab, 0xcd, 0xef, 0x01));
  await until("100 datagrams", () => h.delivered.length === 100);
  const { perWorker, drops } = h.plane.counters();
  assert.deepEqual(drops, {});
  // Without steering one 4-tuple comes out of one socket: three of four SAs are elsewhere.
  assert.equal(sum(perWorker.map(({ misdirectedTo }) => misdirectedTo)), 75);
  assert.equal(sum(perWorker.map(({ misdirectedFrom }) => misdirectedFrom)), 75);
  assert.deepEqual(
    h.plane.usage().map(({ packetsIn }) => packetsIn),
    [25, 25, 25, 25],
  );
  await until("the IKE message", () => h.eventsOf("ike").length === 1);
  const { remote, octets } = h.eventsOf("ike")[0] ?? assert.fail();
  assert.deepEqual(remote, { address: "127.0.0.2", port: 4500 });
  assert.deepEqual([...octets], [0xab, 0xcd, 0xef, 0x01]);
});

withPlane("steering by SPI: every packet comes to its worker directly", async () => {
  const h = await start({ workers: 4 });
  const spis = upTo(4).map((cpu) => h.spiFor(cpu));
  spis.forEach((spi, cpu) => h.addInbound(cpu + 1, cpu, spi));
  for (let i = 1; i <= 25; i++) for (const spi of spis) await h.inject(spi, i, Uint8Array.of(i));
  await until("100 datagrams", () => h.delivered.length === 100);
  for (const [cpu, worker] of h.plane.counters().perWorker.entries()) {
    assert.equal(worker.packetsIn, 25, `worker ${cpu}`);
    assert.equal(worker.misdirectedFrom, 0);
  }
});

withPlane("lifetimes: soft is reported once, hard once, and a dead SA carries nothing more", async () => {
  const h = await start();
  const spi = h.spiFor(0);
  h.addOutbound(1, 0, { limits: { softPackets: 10, hardPackets: 20 } });
  h.addInbound(2, 0, spi, { softBytes: 100, hardBytes: 300 });
  h.setEntry(0, h.own(1));
  await h.send(40, { burst: 1 });
  await until("20 ESP packets", () => h.caught.length >= 20);
  for (let i = 1; i <= 20; i++) {
    await h.inject(spi, i, Uint8Array.of(i));
    await pause(2);
  }
  await until("four reports", () => h.eventsOf("expire").length >= 4);
  await pause(50);
  const reports = h.eventsOf("expire").map(({ id, hard, direction, why }) => `${id} ${direction} ${hard ? "hard" : "soft"} ${why}`);
  assert.deepEqual(reports.sort(), ["1 out hard packets", "1 out soft packets", "2 in hard bytes", "2 in soft bytes"]);
  const { drops } = h.plane.counters();
  // The burst in which the limit falls is sealed to its end.
  assert.ok(h.caught.length < 40 && h.caught.length + (drops.OutStateExpired ?? 0) === 40);
  assert.ok(h.delivered.length < 20 && h.delivered.length + (drops.InStateExpired ?? 0) === 20);
});

withPlane("a rekey under load loses nothing: inbound first, then outbound, the old ones late", async () => {
  const h = await start({ workers: 2 });
  for (const cpu of [0, 1]) {
    h.addOutbound(cpu + 1, cpu);
    h.setEntry(cpu, h.own(cpu + 1));
  }
  let next = 10;
  const current = [1, 2];
  const load = h.send(6000, { burst: 64 });
  for (let round = 0; round < 20; round++) {
    await pause(10);
    const cpu = round % 2;
    const id = next++;
    h.addOutbound(id, cpu);
    h.setEntry(cpu, h.own(id));
    h.plane.apply({ verb: "removeOutbound", id: childSaId(current[cpu] ?? 0), cpu: cpuIndex(cpu) });
    current[cpu] = id;
  }
  await load;
  await until("6000 ESP packets", () => h.caught.length === 6000);
  assert.equal(new Set(h.numbers()).size, 6000);
  assert.ok(new Set(h.caught.map(({ spi }) => spi)).size >= 10, "the load went over many SAs");
  assert.deepEqual(h.plane.counters().drops, {});
});

withPlane("an entry whose SA went away becomes a question, never a use of the dead SA", async () => {
  const h = await start();
  h.addOutbound(1, 0);
  h.setEntry(0, h.own(1));
  await h.send(5);
  await until("five", () => h.caught.length === 5);
  h.plane.apply({ verb: "removeOutbound", id: childSaId(1), cpu: cpuIndex(0) });
  await h.send(5, { from: 5 });
  await until("the question", () => h.eventsOf("acquire").length === 1);
  await until("the runtime to be forgotten", () => h.plane.usage().length === 0);
  assert.equal(h.caught.length, 5);
});

withPlane("a worker whose SAD is full refuses the SA and goes on", async () => {
  const h = await start({ maxSasPerWorker: 8 });
  for (let id = 1; id <= 40; id++) h.addOutbound(id, 0);
  await until("a refusal", () => h.eventsOf("saRefused").length > 0);
  assert.match(h.eventsOf("saRefused")[0]?.why ?? "", /SAD is full/);
  h.setEntry(0, h.own(1));
  await h.send(5);
  await until("five", () => h.caught.length === 5);
});

withPlane("a worker whose SPD is full refuses the policy and goes on", async () => {
  const h = await start({ workers: 2, maxSasPerWorker: 512 });
  // The harness has one already.
  for (let id = 2; id <= POLICY_CAPACITY + 1; id++) h.addPolicy(id);
  await until("a refusal by each worker", () => h.eventsOf("policyRefused").length === 2);
  assert.deepEqual(
    h
      .eventsOf("policyRefused")
      .map(({ policyId, cpu }) => [policyId, cpu])
      .sort(),
    [
      [POLICY_CAPACITY + 1, 0],
      [POLICY_CAPACITY + 1, 1],
    ],
  );
  assert.match(h.eventsOf("policyRefused")[0]?.why ?? "", /SPD is full/);
  h.plane.apply({ verb: "removePolicy", policyId: policyId(2) });
  h.addPolicy(POLICY_CAPACITY + 2);
  h.addOutbound(1, 0);
  h.setEntry(0, h.own(1));
  h.setEntry(1, h.stub(0, 1));
  await h.send(5);
  await until("five", () => h.caught.length === 5);
  assert.equal(h.eventsOf("policyRefused").length, 2);
});

withPlane("an SA that cannot follow its peer is reported, and sends to where it did", async () => {
  const h = await start();
  h.addOutbound(1, 0);
  h.setEntry(0, h.own(1));
  h.updateAddresses(1, 0, { local: { address: "127.0.0.9", port: 4500 } });
  await until("the refusal", () => h.eventsOf("saRefused").length === 1);
  const { id, cpu, why } = h.eventsOf("saRefused")[0] ?? assert.fail();
  assert.deepEqual([id, cpu], [1, 0]);
  assert.match(why, /cannot send to 127\.0\.0\.2: no ESP socket is bound to 127\.0\.0\.9/);
  await h.send(5);
  await until("five", () => h.caught.length === 5);
});

withPlane("a path that takes no packet of the size: counted, and control is told", async () => {
  const h = await start();
  h.addOutbound(1, 0);
  h.setEntry(0, h.own(1));
  const ip = new Iproute();
  ip.run("narrow the path", "link", "set", "dev", "lo", "mtu", "1000");
  try {
    await h.send(3, { size: 1200 });
    await until("the report", () => h.eventsOf("pathMtu").length > 0);
    await until("the drops", () => (h.plane.counters().drops.OutMtuExceeded ?? 0) === 3);
    assert.deepEqual(h.eventsOf("pathMtu")[0], {
      verb: "pathMtu",
      local: { address: "127.0.0.1", port: 4500 },
      remote: { address: "127.0.0.2", port: 4500 },
    });
  } finally {
    ip.run("widen the path", "link", "set", "dev", "lo", "mtu", "65536");
  }
});

withPlane("a flood on unknown SPIs is told of now and then, with an SPI of it and its sender", async () => {
  const h = await start();
  const spi = h.spiFor(0);
  for (let i = 1; i <= 200; i++) await h.inject(spi, i, Uint8Array.of(i));
  await until("200 drops", () => (h.plane.counters().drops.InNoStates ?? 0) === 200);
  await until("word of it", () => h.eventsOf("unknownSpi").length > 0);
  const told = h.eventsOf("unknownSpi");
  assert.ok(told.length < 200, `${told.length} events for 200 packets`);
  for (const event of told) assert.equal(event.spi, spi);
});
