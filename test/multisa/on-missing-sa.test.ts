/** What a CPU without an SA of its own does with its packets, by setting and by situation. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { additional, answered, cpu, cpus, entriesOf, first, newGroup, sa, told } from "./harness/build.ts";

for (const onMissingSa of ["hold", "drop"] as const) {
  test(`${onMissingSa}: none until its own SA is there`, () => {
    const group = newGroup({ onMissingSa });
    group.handle(first(sa(1)), 0);
    assert.deepEqual(entriesOf(group), ["CPU 0: own 1", "CPU 1: none, asks"]);
    assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, 0)), ["create 1"], "the worker knows by itself that it has asked");
    assert.deepEqual(told(group.handle(additional(sa(2), cpu(1)), 0)), ["CPU 1: own 2"]);
  });

  test(`${onMissingSa}: what was refused is not waited for`, () => {
    const group = newGroup({ onMissingSa });
    group.handle(first(sa(1)), 0);
    group.handle({ kind: "acquire", cpu: cpu(1) }, 0);
    assert.deepEqual(told(group.handle({ kind: "refused", cpu: cpu(1), why: "TS_MAX_QUEUE" }, 0)), [
      "CPU 1: stub to CPU 0 SA 1",
      "report refused",
    ]);
    assert.deepEqual(told(group.handleTimeout(60_000)), ["CPU 1: stub to CPU 0 SA 1, asks"], "asks again, and sends meanwhile");
    assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, 60_001)).at(-1), "create 1");
    assert.deepEqual(entriesOf(group)[1], "CPU 1: stub to CPU 0 SA 1");
  });

  test(`${onMissingSa}: with an unaware peer the one SA serves every CPU`, () => {
    const group = newGroup({ onMissingSa });
    group.handle(first(sa(1), { peerNotifies: [] }), 0);
    assert.deepEqual(entriesOf(group), ["CPU 0: own 1", "CPU 1: stub to CPU 0 SA 1"]);
  });
}

test("shared: the first SA is for all CPUs, each of which asks for one of its own", () => {
  const group = newGroup({ onMissingSa: "shared" });
  assert.equal(group.isFirstShared, true);
  group.handle(first(sa(1), { shared: true }), 0);
  assert.deepEqual(entriesOf(group), ["CPU 0: shared 1, asks", "CPU 1: shared 1, asks"]);
});

test("shared: with an unaware peer the one SA is for all CPUs, and none asks", () => {
  const group = newGroup({ onMissingSa: "shared" });
  group.handle(first(sa(1), { shared: true, peerNotifies: [] }), 0);
  assert.deepEqual(entriesOf(group), ["CPU 0: shared 1", "CPU 1: shared 1"]);
});

test("shared: when the shared SA goes, CPUs without one of their own re-steer", () => {
  const group = newGroup({ onMissingSa: "shared" });
  group.handle(first(sa(1), { shared: true }), 0);
  group.handle(additional(sa(2), cpu(1)), 0);
  assert.deepEqual(told(group.handle({ kind: "deleted", sa: sa(1), by: "peer" }, 0)).slice(0, 1), ["CPU 0: stub to CPU 1 SA 2, asks"]);
});

test("one CPU needs no shared SA and no second one", () => {
  const group = newGroup({ onMissingSa: "shared", cpus: cpus(1) });
  assert.equal(group.isFirstShared, false);
  group.handle(first(sa(1)), 0);
  assert.deepEqual(entriesOf(group), ["CPU 0: own 1"]);
});

test("resteer: a stub follows its CPU's SA through a rekey, and never leads to one that the peer may not have", () => {
  const group = newGroup({ cpus: cpus(3) });
  group.handle(first(sa(1)), 0);
  assert.deepEqual(told(group.handle(additional(sa(2), cpu(0), { ...answered, rekeyOf: sa(1) }), 0)), [], "not before it is confirmed");
  assert.deepEqual(told(group.handle({ kind: "confirmed", sa: sa(2) }, 0)), [
    "CPU 0: own 2",
    "CPU 1: stub to CPU 0 SA 2, asks",
    "CPU 2: stub to CPU 0 SA 2, asks",
  ]);
});

test("the entry of the CPU with the SA goes out before those that lead to it", () => {
  const group = newGroup({ cpus: cpus(4) });
  group.handle(first(sa(1)), 0);
  const actions = told(group.handle(additional(sa(2), cpu(3)), 0));
  assert.equal(actions[0], "CPU 3: own 2");
  assert.deepEqual(actions.slice(1), ["CPU 2: stub to CPU 3 SA 2, asks"], "and one of the two stubs moves, so that both seal for as many");
});
