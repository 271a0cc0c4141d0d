/** One Child SA for each CPU (RFC 9611), from the packet that asks to the packet that arrives. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NotifyType } from "../../src/wire/iana/index.ts";
import { assertAgreement, eventsOf } from "./harness/assertions.ts";
import { espProposals, type Overrides } from "./harness/configs.ts";
import { establishedWorld, type Host, type World, type WorldOptions } from "./harness/world.ts";

const perCpu: Overrides = { child: { perCpuSas: true } };

const perCpuWorld = (options: WorldOptions = {}): World => establishedWorld({ left: perCpu, right: perCpu, ...options });

const cpuCounts = (world: World, host: Host): number[] => {
  const counts = new Map<number, number>();
  for (const { cpu } of world.status(host).childSas) counts.set(cpu, (counts.get(cpu) ?? 0) + 1);
  return [...counts.values()];
};

/** Every CPU of a host sends one packet, which asks where it must. */
function sendFromAll(world: World, host: Host, cpus: number): void {
  for (let cpu = 0; cpu < cpus; cpu++) assert.equal(world.pass(host, cpu), undefined, `CPU ${cpu} of the ${host.side}`);
}

const ownEntries = (world: World, host: Host): number =>
  world.status(host).groups[0]?.cpus.filter(({ entry }) => entry === "own").length ?? 0;

describe("a ladder with two CPUs", () => {
  test("the second CPU's packet goes by the first CPU's SA, and asks for its own", () => {
    const world = perCpuWorld({ cpus: 2 });
    assert.deepEqual(world.status(world.left).groups[0]?.mode, "per-cpu");
    assert.deepEqual(world.status(world.right).groups[0]?.mode, "per-cpu");

    const sent = world.send(world.left, 1);
    assert.ok(sent.kind === "sealed");
    assert.equal(sent.by, "stub");
    assert.equal(world.receive(world.right, sent.packet), undefined);

    // CREATE_CHILD_SA { N(SA_RESOURCE_INFO), SA, Ni, TSi, TSr } -->
    assert.equal(world.deliver(), "CREATE_CHILD_SA 2 { N(SA_RESOURCE_INFO), SA, NONCE, TSi, TSr } -->");
    // <-- CREATE_CHILD_SA { N(SA_RESOURCE_INFO), SA, Nr, TSi, TSr }
    assert.equal(world.deliver(), "<-- CREATE_CHILD_SA 2 R { N(SA_RESOURCE_INFO), SA, NONCE, TSi, TSr }");
    assertAgreement(world);
    const own = world.send(world.left, 1);
    assert.ok(own.kind === "sealed");
    assert.equal(own.by, "own");
    assert.equal(world.receive(world.right, own.packet), undefined);
    assert.deepEqual(cpuCounts(world, world.right), [1, 1], "the responder has put it on its CPU with the fewest");
  });

  test("the first Child SA carries SA_RESOURCE_INFO in both directions", () => {
    const world = establishedWorld({ cpus: 2 });
    const aware = perCpuWorld({ cpus: 2, seed: 2 });
    assert.equal(world.status(world.left).groups[0]?.mode, "single");
    assert.equal(aware.status(aware.left).groups[0]?.mode, "per-cpu");
  });

  test("further SAs have the algorithms of the first, whoever asks for them and whatever it prefers", () => {
    const preferring = (...proposals: string[]): Overrides => ({ child: { perCpuSas: true, espProposals: espProposals(...proposals) } });
    const [small, large] = ["aes128gcm16-noesn", "aes256gcm16-noesn"];
    const world = establishedWorld({ cpus: 3, left: preferring(small, large), right: preferring(large, small) });
    assert.equal(world.pass(world.right, 1), undefined);
    world.settle();
    sendFromAll(world, world.left, 3);
    world.settle();
    assertAgreement(world);
    const { childSas } = world.status(world.left);
    assert.equal(childSas.length, 3);
    // The first was the left end's request, so that the right end's preference decided.
    for (const { cipher } of childSas) assert.equal(cipher, "aes256gcm16");
  });

  test("the responder uses the new SA only when the initiator surely has it", () => {
    const world = perCpuWorld({ cpus: 2 });
    world.send(world.left, 1);
    world.deliver();
    const answer = world.hold();
    assert.equal(world.pass(world.right, 1), undefined, "a packet of the responder while its answer is on its way");
    assert.equal(world.pass(world.right, 0), undefined);
    world.arrive(answer);
    assert.equal(world.pass(world.left, 1), undefined);
    world.pollUsage();
    assert.equal(ownEntries(world, world.right), 2, "a packet on it has proved it");
    assert.equal(world.pass(world.right, 1), undefined);
  });
});

describe("many CPUs", () => {
  for (const cpus of [2, 8, 64]) {
    test(`${cpus} on each side: as many SAs, in about ${cpus}/16 round trips`, () => {
      const world = perCpuWorld({ cpus });
      sendFromAll(world, world.left, cpus);
      let rounds = 0;
      for (; world.wire.length > 0; rounds++) {
        for (const datagram of world.wire.splice(0)) world.arrive(datagram);
      }
      assertAgreement(world);
      for (const host of world.hosts) assert.deepEqual(cpuCounts(world, host), new Array(cpus).fill(1));
      // Two rounds of one-way trips for each 16 requests, and what is left over.
      assert.ok(rounds <= 2 * Math.ceil(cpus / 16) + 2, `${rounds} one-way trips`);
      for (const host of world.hosts) {
        for (let cpu = 0; cpu < cpus; cpu++) assert.equal(world.pass(host, cpu), undefined);
      }
      world.pollUsage();
      world.settle();
      assertAgreement(world);
      assert.equal(ownEntries(world, world.left), cpus);
      assert.equal(ownEntries(world, world.right), cpus);
    });
  }

  test("1000 on each side", () => {
    const world = perCpuWorld({ cpus: 1000 });
    sendFromAll(world, world.left, 1000);
    world.settle();
    assertAgreement(world);
    assert.equal(world.status(world.left).childSas.length, 1000);
    assert.deepEqual(cpuCounts(world, world.right), new Array(1000).fill(1));
  });

  test("6 against 8, both asking: eight pairs, and two CPUs of the smaller side own two", () => {
    const world = perCpuWorld({ cpus: [6, 8] });
    sendFromAll(world, world.left, 6);
    world.settle();
    sendFromAll(world, world.right, 8);
    world.settle();
    world.pollUsage();
    for (const host of world.hosts) sendFromAll(world, host, host === world.left ? 6 : 8);
    world.settle();
    assertAgreement(world);
    assert.deepEqual(cpuCounts(world, world.left).sort(), [1, 1, 1, 1, 2, 2]);
    assert.deepEqual(cpuCounts(world, world.right), [1, 1, 1, 1, 1, 1, 1, 1]);
  });

  test("both ends ask for all CPUs at once: every packet arrives, and all SAs stand", () => {
    const world = perCpuWorld({ cpus: 4 });
    sendFromAll(world, world.left, 4);
    sendFromAll(world, world.right, 4);
    world.settle();
    world.run(20_000);
    assertAgreement(world);
    for (const host of world.hosts) sendFromAll(world, host, 4);
  });
});

describe("the peer says no", () => {
  test("TS_MAX_QUEUE: the IKE SA and what is there stay, and the CPU does not ask again and again", () => {
    const world = perCpuWorld({ cpus: 4, right: { child: { perCpuSas: true, maxSas: 2 } } });
    sendFromAll(world, world.left, 4);
    const ladder = world.settle();
    assert.ok(ladder.some((line) => line.includes(`N(${NotifyType.nameOf(NotifyType.TS_MAX_QUEUE)})`)));
    assertAgreement(world);
    assert.equal(world.status(world.left).childSas.length, 2);
    assert.ok(eventsOf(world.left, "peerRefused").some(({ notify }) => notify === "TS_MAX_QUEUE"));
    const why =
      world
        .status(world.left)
        .groups[0]?.cpus.filter(({ entry }) => entry !== "own")
        .map(({ why: text }) => text ?? "") ?? [];
    assert.equal(why.length, 2);
    for (const text of why) assert.match(text, /TS_MAX_QUEUE|refused/i);
    for (let round = 0; round < 10; round++) sendFromAll(world, world.left, 4);
    assert.equal(world.wire.length, 0);
    world.run(60_000);
    sendFromAll(world, world.left, 4);
    assert.notEqual(world.wire.length, 0, "after the hold time it asks once more");
  });

  test("a peer that does not know the scheme: one plain SA, for every CPU", () => {
    const world = perCpuWorld({ cpus: 4, right: {} });
    assert.equal(world.status(world.left).groups[0]?.mode, "single");
    for (const host of world.hosts) sendFromAll(world, host, 4);
    world.settle();
    assert.equal(world.status(world.left).childSas.length, 1);
    assertAgreement(world);
    assert.match(world.status(world.left).groups[0]?.reason ?? "", /SA_RESOURCE_INFO/);
    assert.ok(eventsOf(world.left, "groupMode").length > 0);
  });

  test("what is off here is not turned on by the peer: no answer to its notify, one plain SA", () => {
    for (const options of [
      { left: perCpu, right: {} },
      { left: {}, right: perCpu },
    ]) {
      const world = establishedWorld({ cpus: 4, ...options });
      for (const host of world.hosts) {
        assert.equal(world.status(host).groups[0]?.mode, "single");
        sendFromAll(world, host, 4);
      }
      assert.equal(world.wire.length, 0);
    }
  });
});

describe("rekeying", () => {
  for (const side of ["left", "right"] as const) {
    test(`each SA keeps its CPU at both ends, rekeyed by the ${side}`, () => {
      const world = perCpuWorld({ cpus: 4 });
      sendFromAll(world, world.left, 4);
      world.settle();
      sendFromAll(world, world.left, 4);
      world.pollUsage();
      for (let index = 0; index < 4; index++) world.rekeyChild(world.host(side), index);
      world.settle();
      assertAgreement(world);
      for (const host of world.hosts) {
        assert.deepEqual(cpuCounts(world, host), [1, 1, 1, 1]);
        sendFromAll(world, host, 4);
        assert.equal(ownEntries(world, host), 4);
        assert.equal(eventsOf(host, "childRekeyed").length, 4);
        for (const { old, sa } of eventsOf(host, "childRekeyed")) assert.equal(old.cpu, sa.cpu);
      }
      assert.equal(world.wire.length, 0);
    });
  }

  test("the IKE SA is rekeyed while Child SAs are being created: all get through", () => {
    const world = perCpuWorld({ cpus: 40 });
    sendFromAll(world, world.left, 20);
    world.rekeyIke(world.left);
    sendFromAll(world, world.left, 40);
    world.settle();
    world.run(60_000);
    sendFromAll(world, world.left, 40);
    world.settle();
    assertAgreement(world);
    assert.equal(eventsOf(world.left, "ikeRekeyed").length, 1);
    assert.equal(world.status(world.left).childSas.length, 40);
  });

  test("the IKE SA is rekeyed by the peer while Child SAs are being created here", () => {
    const world = perCpuWorld({ cpus: 40 });
    world.rekeyIke(world.right);
    sendFromAll(world, world.left, 40);
    world.settle();
    for (let round = 0; round < 10; round++) {
      world.run(10_000);
      sendFromAll(world, world.left, 40);
    }
    world.settle();
    assertAgreement(world);
    assert.equal(eventsOf(world.right, "ikeRekeyed").length, 1);
    assert.equal(world.status(world.left).childSas.length, 40);
  });

  test("the IKE SA ends with requests outstanding and queued", () => {
    for (const side of ["left", "right"] as const) {
      const world = perCpuWorld({ cpus: 40 });
      sendFromAll(world, world.left, 40);
      world.closeIke(world.host(side));
      world.settle();
      world.run(60_000);
      for (const host of world.hosts) {
        const { ikeSas, childSas, groups } = world.status(host);
        assert.deepEqual([ikeSas.length, childSas.length, groups.length], [0, 0, 0]);
        assert.deepEqual([host.dataPlane.inbound.size, host.dataPlane.outbound.size, host.dataPlane.policies.size], [0, 0, 0]);
      }
    }
  });
});

describe("members come and go", () => {
  test("one is closed: its CPU goes by another's, and nobody makes it anew because of that", () => {
    for (const side of ["left", "right"] as const) {
      const world = perCpuWorld({ cpus: 3 });
      sendFromAll(world, world.left, 3);
      world.settle();
      // Packets on them show the responder that the initiator has them.
      sendFromAll(world, world.left, 3);
      world.pollUsage();
      world.closeChild(world.host(side), 1);
      const ladder = world.settle();
      assert.equal(ladder.length, 2, "a Delete and its answer");
      assert.equal(world.status(world.left).childSas.length, 2);
      assertAgreement(world);
      sendFromAll(world, world.left, 3);
      world.settle();
      assert.equal(world.status(world.left).childSas.length, 3, "a packet asked");
      assertAgreement(world);
    }
  });

  test("idle ones are closed, and come back with the next packet", () => {
    const child = { perCpuSas: true, idleTimeout: 5000 };
    const world = perCpuWorld({ cpus: 3, left: { child }, right: { child } });
    sendFromAll(world, world.left, 3);
    world.settle();
    for (let second = 0; second < 20; second++) {
      assert.equal(world.pass(world.left, 0), undefined, "the CPU that goes on sending");
      world.pollUsage();
      world.run(1000);
    }
    assertAgreement(world);
    assert.ok(world.status(world.left).childSas.length < 3);
    sendFromAll(world, world.left, 3);
    world.settle();
    world.run(1000);
    sendFromAll(world, world.left, 3);
    assertAgreement(world);
  });
});

describe("the other schemes, on the wire", () => {
  test("cpu-queues: CPU_QUEUES on the first, CPU_QUEUE_INFO on the others, and a Fallback SA for all", () => {
    const child = { perCpuSas: true, scheme: "cpu-queues" as const, onMissingSa: "shared" as const };
    const world = establishedWorld({ cpus: 2, left: { child }, right: { child } });
    assert.equal(world.status(world.left).groups[0]?.mode, "per-cpu");
    assert.equal(world.status(world.left).childSas[0]?.shared, true);
    sendFromAll(world, world.left, 2);
    assert.match(world.deliver(), /^CREATE_CHILD_SA 2 \{ N\(unknown\(40971\)\), SA/);
    world.settle();
    assertAgreement(world);
    for (const host of world.hosts) sendFromAll(world, host, 2);
  });

  test("stub: nothing on the wire that a plain peer would not send", () => {
    const child = { perCpuSas: true, scheme: "stub" as const };
    const world = establishedWorld({ cpus: 2, left: { child } });
    sendFromAll(world, world.left, 2);
    assert.equal(world.deliver(), "CREATE_CHILD_SA 2 { SA, NONCE, TSi, TSr } -->");
    world.settle();
    assertAgreement(world);
    for (const host of world.hosts) sendFromAll(world, host, 2);
  });
});
