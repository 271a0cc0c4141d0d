/** Ladders of the scheme rfc9611: what each end sends (-->, <--), then each CPU's entry at both ends. Left's SAs are 1, 2, …, right's 1001, 1002, …. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { childSaId, cpuIndex } from "../../src/ipsec/names.ts";
import { DEFAULT_GROUP_TIMING } from "../../src/multisa/config.ts";
import { ChildSaGroup } from "../../src/multisa/group.ts";
import { seededOctets } from "../ipsec/entropy.ts";
import { cpus, type HostOptions } from "./harness/host.ts";
import { checkAgreement } from "./harness/invariants.ts";
import { Pair } from "./harness/pair.ts";

const of = (count: number, more: HostOptions = {}): HostOptions => ({ scheme: "rfc9611", cpus: cpus(count), ...more });

function established(left: HostOptions, right: HostOptions): Pair {
  const pair = new Pair(left, right);
  // SA, TSi, TSr, N(SA_RESOURCE_INFO) -->    <-- SA, TSi, TSr, N(SA_RESOURCE_INFO)
  pair.left.initiate(0);
  pair.run();
  return pair;
}

describe("the first Child SA", () => {
  test("turns the scheme on when both send SA_RESOURCE_INFO", () => {
    const { left, right } = established(of(2), of(2));
    assert.deepEqual([left.group.mode, right.group.mode], ["per-cpu", "per-cpu"]);
    assert.deepEqual(left.describe(), ["own 1", "stub→0 ask"]);
    assert.deepEqual(right.describe(), ["own 1001", "stub→0 ask"]);
    assert.deepEqual(left.reports, ["a Child SA for each CPU by the scheme rfc9611"]);
  });

  for (const [who, left, right, reasons] of [
    ["the peer is unaware", of(2), of(2, { perCpuSas: false }), ["the peer did not answer SA_RESOURCE_INFO", "per_cpu_sas is off"]],
    ["this end has it off", of(2, { perCpuSas: false }), of(2), ["per_cpu_sas is off", "the peer did not send SA_RESOURCE_INFO"]],
    ["the cap is one", of(2), of(2, { maxSas: 1 }), ["the peer did not answer SA_RESOURCE_INFO", "max_sas is 1"]],
  ] as const) {
    test(`is the only one when ${who}, and carries the packets of all CPUs`, () => {
      const pair = established(left, right);
      assert.deepEqual([pair.left.group.view().reason, pair.right.group.view().reason], reasons);
      assert.deepEqual([pair.left.group.mode, pair.right.group.mode], ["single", "single"]);
      assert.deepEqual(pair.left.describe(), ["own 1", "stub→0"]);
      assert.deepEqual(pair.left.packet(1), { kind: "sealed", sa: 1, cpu: 0, hops: 1 });
      assert.deepEqual(pair.right.packet(1), { kind: "sealed", sa: 1001, cpu: 0, hops: 1 });
      assert.equal(pair.open, 0);
    });
  }

  test("carries everything under hold and drop too, when it stays the only one", () => {
    for (const onMissingSa of ["hold", "drop"] as const) {
      const { left } = established(of(2, { onMissingSa }), of(2, { perCpuSas: false }));
      assert.deepEqual(left.describe(), ["own 1", "stub→0"]);
    }
  });

  test("is the only one that is needed with one CPU", () => {
    const { left, right } = established(of(1), of(1));
    assert.deepEqual([left.describe(), right.describe()], [["own 1"], ["own 1001"]]);
    assert.equal(left.packet(0).kind, "sealed");
  });

  test("is used by a responder that has nothing else before its answer is delivered", () => {
    const pair = new Pair(of(2), of(2));
    pair.left.initiate(0);
    pair.deliver(0);
    assert.deepEqual(pair.right.describe(), ["own 1001", "stub→0 ask"]);
  });

  test("made by both ends at once: two Child SAs, each end sends on its own, and the scheme is on", () => {
    const pair = new Pair(of(2), of(2));
    pair.left.initiate(0);
    pair.right.initiate(1);
    pair.run();
    checkAgreement(pair);
    assert.equal(pair.left.group.mode, "per-cpu");
    assert.equal(pair.left.sas.size, 2);
  });

  test("gives the first CPU of every group no more than its part", () => {
    const used = new Set(
      Array.from({ length: 64 }, (_, seed) => {
        const admission = new ChildSaGroup(
          {
            perCpuSas: true,
            scheme: "rfc9611",
            onMissingSa: "resteer",
            cpus: cpus(4),
            maxSas: undefined,
            maxCpuRatio: 0,
            timing: DEFAULT_GROUP_TIMING,
          },
          seededOctets(seed),
        ).admit([]);
        return admission.accept ? admission.cpu : -1;
      }),
    );
    assert.deepEqual([...used].sort(), [0, 1, 2, 3]);
  });
});

describe("an additional Child SA", () => {
  test("comes when a packet asks, and lies on the asking CPU here and on the one with the fewest there", () => {
    const pair = established(of(2), of(2));
    const { left, right } = pair;
    // A packet on CPU 1 is re-steered, and asks.
    assert.deepEqual(left.packet(1), { kind: "sealed", sa: 1, cpu: 0, hops: 1 });
    assert.deepEqual(left.describe(), ["own 1", "stub→0"]);
    // Only the first packet asks.
    left.packet(1);
    assert.equal(pair.open, 1);
    // CREATE_CHILD_SA { SA, Ni, TSi, TSr, N(SA_RESOURCE_INFO) } -->
    pair.deliver(0);
    assert.deepEqual(right.describe(), ["own 1001", "stub→0"]);
    //                                   <-- { SA, Nr, TSi, TSr, N(SA_RESOURCE_INFO) }
    pair.run();
    assert.deepEqual(left.describe(), ["own 1", "own 2"]);
    assert.deepEqual(right.describe(), ["own 1001", "own 1002"]);
    checkAgreement(pair);
  });

  test("is not used by a responder before its answer is delivered", () => {
    const pair = established(of(2), of(2));
    pair.left.packet(1);
    pair.deliver(0);
    assert.deepEqual(pair.right.packet(1), { kind: "sealed", sa: 1001, cpu: 0, hops: 1 });
    assert.equal(pair.right.creates.length, 0);
  });

  test("carries an opaque identifier, the same for the same CPU, even over a rekey", () => {
    const { left } = new Pair(of(2, { random: seededOctets(7) }), of(2));
    left.initiate(0);
    const first = left.group.requestNotifies("first", cpuIndex(1))[0];
    assert.ok(first?.kind === "SA_RESOURCE_INFO" && first.identifier.length === 8);
    const answer = left.group.answerNotifies("first", cpuIndex(1), [{ kind: "SA_RESOURCE_INFO", identifier: new Uint8Array(0) }]);
    assert.deepEqual(answer, [first]);
    assert.notDeepEqual(left.group.requestNotifies("first", cpuIndex(0)), [first]);
  });

  test("is accepted whatever the peer's identifier is, and without any", () => {
    for (const length of [0, 1, 4, 255]) {
      const { right } = established(of(2), of(2));
      const request = [{ kind: "SA_RESOURCE_INFO", identifier: new Uint8Array(length) }] as const;
      assert.deepEqual(right.group.admit(request), { accept: true, cpu: 1, shared: false });
      assert.equal(right.group.answerNotifies("additional", cpuIndex(1), request).length, 1);
    }
    const { right } = established(of(2), of(2));
    assert.equal(right.group.admit([]).accept, true);
    assert.deepEqual(right.group.answerNotifies("additional", cpuIndex(1), []), []);
  });

  test("asked for by both ends for the same CPU at once: both stand, each end sends on its own", () => {
    const pair = established(of(2), of(2));
    pair.left.packet(1);
    pair.right.packet(1);
    pair.run();
    checkAgreement(pair);
    assert.equal(pair.left.sas.size, 3);
    // The peer's SA went where none was being asked for.
    assert.deepEqual([...pair.left.sas.values()].map(({ cpu }) => cpu).sort(), [0, 0, 1]);
    assert.deepEqual(pair.left.describe(), ["own 1", "own 2"]);
  });

  test("requests under way are bounded, and the others wait for their turn", () => {
    const timing = { ...DEFAULT_GROUP_TIMING, maxPendingCreates: 2 };
    const pair = established(of(6, { timing }), of(6));
    for (const cpu of [1, 2, 3, 4, 5]) pair.left.packet(cpu);
    assert.equal(pair.open, 2);
    assert.equal(pair.left.group.view().cpus[3]?.why, "waits for its turn to ask");
    pair.run();
    assert.deepEqual(
      pair.left.creates.map(({ cpu }) => cpu),
      [0, 1, 2, 3, 4, 5],
    );
    assert.equal(pair.left.sas.size, 6);
  });

  test("a CPU that waits for its turn takes the peer's SA instead of asking", () => {
    const timing = { ...DEFAULT_GROUP_TIMING, maxPendingCreates: 1 };
    const pair = established(of(3, { timing }), of(3));
    for (const cpu of [1, 2]) pair.left.packet(cpu);
    pair.right.packet(1);
    pair.run();
    checkAgreement(pair);
    assert.deepEqual([pair.left.sas.size, pair.left.creates.length], [3, 2]);
  });
});

describe("a refusal", () => {
  const capped = (): Pair => established(of(4), of(2, { maxSas: 2 }));

  test("TS_MAX_QUEUE stops the group for the hold time, and CPUs without an SA re-steer", () => {
    const pair = capped();
    const { left, right } = pair;
    left.packet(1);
    left.packet(2);
    //  CREATE_CHILD_SA { … } -->       <-- N(TS_MAX_QUEUE)
    pair.run();
    assert.deepEqual(left.errors, ["TS_MAX_QUEUE"]);
    assert.deepEqual(left.describe(), ["own 1", "own 2", "stub→1", "stub→0"]);
    assert.deepEqual(left.reports.slice(1), [
      "the peer takes no more Child SAs for these selectors (TS_MAX_QUEUE): 2 carry what all CPUs send",
    ]);
    assert.equal(left.group.view().cpus[3]?.why, "the peer takes no more for now (TS_MAX_QUEUE)");
    // Not even a CPU that has not asked yet asks now.
    left.packet(3);
    assert.equal(pair.open, 0);
    assert.equal(right.group.mode, "per-cpu");

    assert.equal(left.group.nextTimeout(), DEFAULT_GROUP_TIMING.refusalHoldTime);
    pair.advance(DEFAULT_GROUP_TIMING.refusalHoldTime - 1);
    assert.deepEqual(left.describe().slice(2), ["stub→1", "stub→0"]);
    pair.advance(1);
    assert.deepEqual(left.describe().slice(2), ["stub→1 ask", "stub→0 ask"]);
    assert.equal(left.group.nextTimeout(), undefined);
    assert.equal(pair.open, 0, "only a packet asks");
    left.packet(3);
    assert.equal(pair.open, 1);
  });

  test("is lifted when a member goes away", () => {
    const pair = capped();
    pair.left.packet(1);
    pair.left.packet(2);
    pair.run();
    pair.right.close(childSaId(1002), "local");
    pair.run();
    assert.deepEqual(pair.left.describe(), ["own 1", "stub→0 ask", "stub→0 ask", "stub→0 ask"]);
    pair.left.packet(2);
    pair.run();
    checkAgreement(pair);
    assert.deepEqual(pair.left.errors, ["TS_MAX_QUEUE"]);
    assert.equal(pair.left.describe()[2], "own 4");
  });

  test("is not lifted by the end of an SA that was rekeyed", () => {
    const pair = capped();
    pair.left.packet(1);
    pair.left.packet(2);
    pair.run();
    pair.left.rekey(childSaId(1));
    pair.run();
    assert.equal(pair.left.sas.size, 2);
    assert.deepEqual(pair.left.describe().slice(2), ["stub→1", "stub→0"]);
  });

  test("while more requests are queued: what was not sent yet is not sent", () => {
    const timing = { ...DEFAULT_GROUP_TIMING, maxPendingCreates: 1 };
    const pair = established(of(4, { timing }), of(2, { maxSas: 1 + 1 }));
    pair.right.packet(1);
    pair.run();
    for (const cpu of [2, 3]) pair.left.packet(cpu);
    pair.run();
    assert.deepEqual(pair.left.errors, ["TS_MAX_QUEUE"]);
  });

  test("NO_ADDITIONAL_SAS of another group's request stops this one too", () => {
    const pair = established(of(2), of(2));
    pair.left.handle({ kind: "noAdditionalSas" });
    assert.deepEqual(pair.left.describe(), ["own 1", "stub→0"]);
    pair.left.packet(1);
    assert.equal(pair.open, 0);
  });

  test("TEMPORARY_FAILURE: that CPU may ask again after a back-off that doubles; the others at once", () => {
    const pair = established(of(3), of(3, { refusesAll: "TEMPORARY_FAILURE" }));
    const { left } = pair;
    left.packet(1);
    pair.run();
    assert.deepEqual(left.describe(), ["own 1", "stub→0", "stub→0 ask"]);
    pair.advance(1000);
    assert.deepEqual(left.describe()[1], "stub→0 ask");
    left.packet(1);
    pair.run();
    pair.advance(1999);
    assert.deepEqual(left.describe()[1], "stub→0");
    pair.advance(1);
    assert.deepEqual(left.describe()[1], "stub→0 ask");
    for (let i = 0; i < 10; i++) {
      left.packet(1);
      pair.run();
      const at = left.group.nextTimeout() ?? assert.fail("nothing to wait for");
      assert.ok(at - pair.now <= DEFAULT_GROUP_TIMING.lastBackOff);
      pair.advance(at - pair.now);
    }
  });

  test("of an empty group's only request is held for a short time, whatever the reason", () => {
    const pair = new Pair(of(2), of(2));
    pair.left.packet(0);
    pair.left.handle({ kind: "refused", cpu: cpuIndex(0), why: "TS_UNACCEPTABLE" });
    assert.deepEqual(pair.left.describe(), ["none", "none"]);
    pair.advance(DEFAULT_GROUP_TIMING.firstBackOff);
    assert.deepEqual(pair.left.describe(), ["none ask", "none ask"]);
  });

  test("by the limit here names it, and a peer that sent no notify gets TS_MAX_QUEUE as well once the scheme is on", () => {
    const { right } = capped();
    right.packet(1);
    const full = established(of(2), of(2, { maxSas: 2 }));
    full.left.packet(1);
    full.run();
    const text = "there are 2 Child SAs for these selectors, the limit is 2";
    assert.deepEqual(full.right.group.admit([]), { accept: false, refusal: "TS_MAX_QUEUE", text });
  });
});

describe("while a CPU has no SA", () => {
  const states = (onMissingSa: "resteer" | "shared" | "hold" | "drop"): string[][] => {
    const pair = established(of(2, { onMissingSa }), of(2));
    const seen = [pair.left.describe()];
    pair.left.packet(1);
    seen.push(pair.left.describe());
    pair.run();
    return [...seen, pair.left.describe()];
  };

  test("resteer: a stub", () => {
    assert.deepEqual(states("resteer"), [
      ["own 1", "stub→0 ask"],
      ["own 1", "stub→0"],
      ["own 1", "own 2"],
    ]);
  });

  test("shared: the first SA is for all CPUs, and each gets its own", () => {
    assert.deepEqual(states("shared"), [
      ["shared 1 ask", "shared 1 ask"],
      ["shared 1 ask", "shared 1"],
      ["shared 1 ask", "own 2"],
    ]);
  });

  for (const onMissingSa of ["hold", "drop"] as const) {
    test(`${onMissingSa}: nothing, until its own is there`, () => {
      assert.deepEqual(states(onMissingSa), [
        ["own 1", "none ask"],
        ["own 1", "none"],
        ["own 1", "own 2"],
      ]);
    });

    test(`${onMissingSa}: but a stub when the peer refuses`, () => {
      const pair = established(of(3, { onMissingSa }), of(2, { maxSas: 2 }));
      for (const cpu of [1, 2]) pair.left.packet(cpu);
      pair.run();
      assert.deepEqual(pair.left.describe(), ["own 1", "own 2", "stub→0"]);
      pair.advance(DEFAULT_GROUP_TIMING.refusalHoldTime);
      assert.deepEqual(pair.left.describe(), ["own 1", "own 2", "stub→0 ask"]);
    });
  }
});

describe("a rekey", () => {
  test("keeps the CPU at both ends; the responder changes over when its answer is delivered", () => {
    const pair = established(of(2), of(2));
    const { left, right } = pair;
    left.packet(1);
    pair.run();
    right.rekey(childSaId(1002));
    // CREATE_CHILD_SA { N(REKEY_SA), N(SA_RESOURCE_INFO), … } from the right
    pair.deliver(0);
    assert.deepEqual(left.describe(), ["own 1", "own 2"], "the right cannot receive on the new one yet");
    pair.run();
    checkAgreement(pair);
    assert.deepEqual(
      [left.describe(), right.describe()],
      [
        ["own 1", "own 3"],
        ["own 1001", "own 1003"],
      ],
    );
  });

  test("of the shared SA gives a shared SA, while a bound SA's rekey is in flight", () => {
    const pair = established(of(2, { onMissingSa: "shared" }), of(2, { onMissingSa: "shared" }));
    pair.left.packet(1);
    pair.run();
    pair.left.rekey(childSaId(1));
    pair.right.rekey(childSaId(1002));
    pair.run();
    checkAgreement(pair);
    assert.deepEqual(pair.left.describe(), ["shared 3 ask", "own 4"]);
  });

  test("takes the stubs along", () => {
    const pair = established(of(3), of(3));
    pair.left.rekey(childSaId(1));
    pair.run();
    checkAgreement(pair);
    assert.deepEqual(pair.left.describe(), ["own 2", "stub→0 ask", "stub→0 ask"]);
    assert.equal(pair.left.group.view().cpus[1]?.entry.kind, "stub");
  });

  test("may come without SA_RESOURCE_INFO, and is answered without", () => {
    const { right } = established(of(2), of(2));
    assert.deepEqual(right.group.answerNotifies("rekey", cpuIndex(0), []), []);
    assert.equal(right.group.answerNotifies("rekey", cpuIndex(0), [{ kind: "SA_RESOURCE_INFO", identifier: new Uint8Array(0) }]).length, 1);
  });

  test("does not make the other end's SA the preferred one", () => {
    const pair = established(of(2), of(2));
    pair.left.packet(1);
    pair.right.packet(1);
    pair.run();
    const [before] = [pair.left.describe()];
    assert.deepEqual(before, ["own 1", "own 2"]);
    // The right rekeys what the left asked for: it stays the left's.
    pair.right.rekey(childSaId(1001));
    pair.run();
    checkAgreement(pair);
    assert.equal(pair.left.group.view().members.find(({ cpu, role }) => cpu === 0 && role === "initiator")?.confirmed, true);
  });
});

describe("the end of a Child SA", () => {
  const two = (): Pair => {
    const pair = established(of(2), of(2));
    pair.left.packet(1);
    pair.run();
    return pair;
  };

  test("gives its CPU a stub to another live one at both ends, and nobody makes it anew until a packet asks", () => {
    const pair = two();
    pair.right.close(childSaId(1001), "local");
    pair.run();
    checkAgreement(pair);
    assert.deepEqual(pair.left.describe(), ["stub→1 ask", "own 2"]);
    assert.deepEqual(pair.right.describe(), ["stub→1 ask", "own 1002"]);
    assert.equal(pair.left.creates.length + pair.right.creates.length, 2);
    pair.left.packet(0);
    pair.run();
    checkAgreement(pair);
    assert.deepEqual(pair.left.describe(), ["own 3", "own 2"]);
  });

  test("the last one: all entries go, and the next packet begins anew", () => {
    const pair = two();
    pair.left.close(childSaId(1), "local");
    pair.left.close(childSaId(2), "local");
    pair.run();
    checkAgreement(pair);
    assert.deepEqual(
      [pair.left.describe(), pair.right.describe()],
      [
        ["none ask", "none ask"],
        ["none ask", "none ask"],
      ],
    );
    assert.equal(pair.left.group.mode, "undecided");
    pair.right.packet(1);
    pair.right.packet(0);
    assert.equal(pair.open, 1, "the first one is asked for alone");
    pair.run();
    checkAgreement(pair);
    assert.deepEqual(pair.right.describe(), ["stub→1 ask", "own 1003"]);
  });

  test("by idleness: any but the last", () => {
    const pair = two();
    pair.left.handle({ kind: "idle", sa: childSaId(1) });
    pair.left.handle({ kind: "idle", sa: childSaId(2) });
    pair.run();
    checkAgreement(pair);
    assert.deepEqual(pair.left.describe(), ["stub→1 ask", "own 2"]);
  });

  test("by idleness of one each at both ends at once: a packet finds a way again", () => {
    const pair = two();
    pair.left.handle({ kind: "idle", sa: childSaId(1) });
    pair.right.handle({ kind: "idle", sa: childSaId(1002) });
    pair.run();
    checkAgreement(pair);
    assert.equal(pair.left.sas.size, 0);
    assert.equal(pair.left.packet(0).kind, "waits");
    pair.run();
    checkAgreement(pair);
    assert.equal(pair.left.packet(0).kind, "sealed");
  });

  test("with the IKE SA: everything goes at once, what was asked for included", () => {
    const pair = two();
    pair.left.packet(1);
    pair.loseIkeSa();
    checkAgreement(pair);
    assert.deepEqual(pair.left.describe(), ["none ask", "none ask"]);
    assert.equal(pair.left.group.nextTimeout(), undefined);
  });

  test("of one that is not known is nothing", () => {
    const pair = two();
    const before = pair.left.entries.sent;
    pair.left.handle({ kind: "deleted", sa: childSaId(999), by: "peer" });
    pair.left.handle({ kind: "idle", sa: childSaId(999) });
    pair.left.handle({ kind: "confirmed", sa: childSaId(999) });
    assert.equal(pair.left.entries.sent, before);
    checkAgreement(pair);
  });
});

describe("when the CPUs change", () => {
  test("a new CPU gets an entry, and its own SA when a packet asks", () => {
    const pair = established(of(1), of(2));
    pair.left.handle({ kind: "cpuAdded", cpu: cpuIndex(1) });
    pair.left.packet(1);
    pair.run();
    checkAgreement(pair);
    assert.deepEqual(pair.left.entries.describe(2), ["own 1", "own 2"]);
  });

  test("a CPU that goes: its SA is closed when another can take over, and it asks no more", () => {
    const pair = established(of(2), of(2));
    pair.left.packet(1);
    pair.run();
    pair.left.handle({ kind: "cpuRemoved", cpu: cpuIndex(1) });
    pair.run();
    checkAgreement(pair);
    assert.deepEqual(pair.left.entries.describe(2), ["own 1", "stub→0"]);
    pair.left.packet(1);
    assert.equal(pair.open, 0);
  });

  test("a CPU that goes with the only SA: the SA moves to another CPU by a rekey", () => {
    const pair = established(of(2), of(2));
    pair.left.handle({ kind: "cpuRemoved", cpu: cpuIndex(0) });
    assert.equal(pair.left.packet(1).kind, "sealed", "the old one serves until then");
    pair.run();
    checkAgreement(pair);
    assert.deepEqual(pair.left.entries.describe(2), ["stub→1", "own 2"]);
  });

  test("the last CPU cannot go", () => {
    const pair = established(of(1), of(1));
    pair.left.handle({ kind: "cpuRemoved", cpu: cpuIndex(0) });
    assert.deepEqual(pair.left.describe(), ["own 1"]);
  });

  test("an SA that arrives for a CPU that has gone meanwhile is closed again", () => {
    const pair = established(of(3), of(3));
    pair.left.packet(2);
    pair.left.handle({ kind: "cpuRemoved", cpu: cpuIndex(2) });
    pair.run();
    checkAgreement(pair);
    assert.equal(pair.left.sas.size, 1);
  });
});
