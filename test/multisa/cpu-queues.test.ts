/** The draft of 2022 at one end: CPU_QUEUES, the Fallback SA, CPU_QUEUE_INFO. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChildSaGroup } from "../../src/multisa/group.ts";
import {
  additional,
  answered,
  cpu,
  CPU_QUEUE_INFO,
  cpuQueues,
  cpus,
  entriesOf,
  first,
  newGroup,
  RESOURCE_INFO,
  sa,
  told,
} from "./harness/build.ts";

const SCHEME = { scheme: "cpu-queues" } as const;

/** The Fallback SA 1, and an SA for CPU 1. */
function withOneMore(): ChildSaGroup {
  const group = newGroup({ ...SCHEME, cpus: cpus(2) });
  group.handle(first(sa(1), { shared: true, peerNotifies: [cpuQueues(2)] }), 0);
  group.handle({ kind: "acquire", cpu: cpu(1) }, 0);
  group.handle(additional(sa(2), cpu(1), { peerNotifies: [CPU_QUEUE_INFO] }), 0);
  return group;
}

test("the first SA is the Fallback SA: every CPU may send on it, and asks for one of its own", () => {
  const group = newGroup({ ...SCHEME, cpus: cpus(3) });
  assert.equal(group.isFirstShared, true);
  assert.deepEqual(group.requestNotifies("first", cpu(0)), [cpuQueues(3)]);
  assert.deepEqual(told(group.handle(first(sa(1), { shared: true, peerNotifies: [cpuQueues(5)] }), 0)), [
    "CPU 0: shared 1, asks",
    "CPU 1: shared 1, asks",
    "CPU 2: shared 1, asks",
    "report mode",
  ]);
  assert.equal(group.mode, "per-cpu");
  assert.deepEqual(
    told(group.handle({ kind: "acquire", cpu: cpu(0) }, 0)),
    ["create 0"],
    "the CPU that the Fallback SA was asked for as well",
  );
  assert.deepEqual(
    group.requestNotifies("additional", cpu(0)).map(({ kind }) => kind),
    ["CPU_QUEUE_INFO"],
  );
  assert.deepEqual(told(group.handle(additional(sa(2), cpu(0), { peerNotifies: [CPU_QUEUE_INFO] }), 0)), ["CPU 0: own 2"]);
});

test("the larger of the two counts is agreed, and that many are admitted", () => {
  const group = newGroup({ ...SCHEME, cpus: cpus(2) });
  const request = [cpuQueues(8)];
  assert.deepEqual(group.answerNotifies("first", cpu(0), request), [cpuQueues(2)]);
  group.handle(first(sa(1), { ...answered, shared: true, peerNotifies: request }), 0);
  for (let id = 2; id <= 9; id++) {
    const admission = group.admit([CPU_QUEUE_INFO]);
    assert.ok(admission.accept);
    assert.equal(admission.shared, false);
    group.handle(additional(sa(id), admission.cpu, { ...answered, peerNotifies: [CPU_QUEUE_INFO] }), 0);
    group.handle({ kind: "confirmed", sa: sa(id) }, 0);
  }
  const perCpu = group.view().members.filter((member) => !member.shared);
  assert.deepEqual(
    [0, 1].map((at) => perCpu.filter((member) => member.cpu === at).length),
    [4, 4],
  );
});

test("1000 CPUs against 2: the small end answers without CPU_QUEUES, and one SA carries everything, with the reason", () => {
  const small = newGroup({ ...SCHEME, cpus: cpus(2) });
  const request = [cpuQueues(1000)];
  assert.deepEqual(small.answerNotifies("first", cpu(0), request), []);
  small.handle(first(sa(1), { ...answered, shared: true, peerNotifies: request }), 0);
  assert.equal(small.mode, "single");
  assert.match(small.view().reason ?? "", /1000 .*2.*proportion/);

  const large = newGroup({ ...SCHEME, cpus: cpus(1000) });
  large.handle(first(sa(1), { shared: true, peerNotifies: [] }), 0);
  assert.equal(large.mode, "single");
  assert.match(large.view().reason ?? "", /CPU_QUEUES/);
  assert.deepEqual(told(large.handle({ kind: "acquire", cpu: cpu(999) }, 0)), []);
  assert.deepEqual(new Set(entriesOf(large).map((text) => text.replace(/.*: /, ""))), new Set(["shared 1"]));
});

test("max_cpu_ratio 0: any proportion is fine", () => {
  const group = newGroup({ ...SCHEME, cpus: cpus(2), maxCpuRatio: 0 });
  assert.deepEqual(group.answerNotifies("first", cpu(0), [cpuQueues(1000)]), [cpuQueues(2)]);
});

test("the proportion counts from both sides, at the exact limit and one beyond", () => {
  const answers = (ours: number, theirs: number): boolean =>
    newGroup({ ...SCHEME, cpus: cpus(ours), maxCpuRatio: 4 }).answerNotifies("first", cpu(0), [cpuQueues(theirs)]).length > 0;
  assert.deepEqual(
    [answers(2, 8), answers(2, 9), answers(8, 2), answers(9, 2), answers(4, 0), answers(5, 0), answers(1, 0xffffffff)],
    [true, false, true, false, true, false, false],
  );
});

test("an initiator takes the count of the answer as it is: the responder has agreed already", () => {
  const group = newGroup({ ...SCHEME, cpus: cpus(2), maxCpuRatio: 4 });
  group.handle(first(sa(1), { shared: true, peerNotifies: [cpuQueues(100)] }), 0);
  assert.equal(group.mode, "per-cpu");
});

test("the Fallback SA does not idle out while others live, and the others do", () => {
  const group = withOneMore();
  assert.deepEqual(told(group.handle({ kind: "idle", sa: sa(1) }, 0)), []);
  assert.deepEqual(told(group.handle({ kind: "idle", sa: sa(2) }, 0)), ["CPU 1: shared 1, asks", "delete 2"]);
});

test("the peer deletes the Fallback SA while others live: named as a degradation, and CPUs re-steer", () => {
  const group = withOneMore();
  assert.deepEqual(told(group.handle({ kind: "deleted", sa: sa(1), by: "peer" }, 0)), [
    "CPU 0: stub to CPU 1 SA 2, asks",
    "report degraded",
  ]);
});

test("a rekeyed Fallback SA is the Fallback SA, and stays on its CPU", () => {
  const group = withOneMore();
  assert.equal(group.isShared(sa(1)), true);
  assert.equal(group.cpuForRekey(sa(1)), 0);
  assert.deepEqual(told(group.handle(first(sa(3), { first: false, shared: true, rekeyOf: sa(1), peerNotifies: [] }), 0)), [
    "CPU 0: shared 3, asks",
  ]);
  assert.deepEqual(told(group.handle({ kind: "deleted", sa: sa(1), by: "local" }, 0)), []);
  assert.deepEqual(told(group.handle({ kind: "idle", sa: sa(3) }, 0)), []);
});

test("both ends make the Fallback SA at once: each admits the other's as one for all CPUs, and answers CPU_QUEUES", () => {
  const group = newGroup(SCHEME);
  group.handle(first(sa(1), { shared: true, peerNotifies: [cpuQueues(2)] }), 0);
  const request = [cpuQueues(2)];
  const admission = group.admit(request);
  assert.ok(admission.accept);
  assert.equal(admission.shared, true);
  assert.deepEqual(group.answerNotifies("additional", cpu(0), request), [cpuQueues(2)]);
  group.handle(additional(sa(2), admission.cpu, { ...answered, shared: true, peerNotifies: request }), 0);
  group.handle({ kind: "confirmed", sa: sa(2) }, 0);
  assert.deepEqual(entriesOf(group), ["CPU 0: shared 1, asks", "CPU 1: shared 1, asks"], "ours, and the peer its own");
  assert.deepEqual(told(group.handle({ kind: "idle", sa: sa(2) }, 0)), ["delete 2"], "one of the two is enough");
  assert.deepEqual(told(group.handle({ kind: "idle", sa: sa(1) }, 0)), [], "the other stays");
});

test("peers with other schemes are named", () => {
  const group = newGroup(SCHEME);
  group.handle(first(sa(1), { ...answered, shared: true, peerNotifies: [RESOURCE_INFO] }), 0);
  assert.equal(group.mode, "single");
  assert.match(group.view().reason ?? "", /rfc9611.*cpu-queues/);
});
