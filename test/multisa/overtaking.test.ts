/** What comes in another order than it was sent in, since many requests are under way at once (RFC 7296 §2.3): a window has no order. */
import assert from "node:assert/strict";
import { test } from "node:test";
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

test("cpu-queues: the peer's further SA overtakes its answer to our first one: the peer has agreed, and the SA is no Fallback SA", () => {
  const group = newGroup({ scheme: "cpu-queues", cpus: cpus(2) });
  // CREATE_CHILD_SA { N(CPU_QUEUES(2)), … } -->   answered by the peer, but
  //                                           <-- CREATE_CHILD_SA { N(CPU_QUEUE_INFO), … }   comes first
  const admission = group.admit([CPU_QUEUE_INFO]);
  assert.ok(admission.accept && !admission.shared);
  assert.equal(group.answerNotifies("first", cpu(0), [CPU_QUEUE_INFO])[0]?.kind, "CPU_QUEUE_INFO");
  group.handle(first(sa(1), { ...answered, peerNotifies: [CPU_QUEUE_INFO] }), 0);
  assert.equal(group.mode, "per-cpu");
  //                                           <-- { N(CPU_QUEUES(8)), … }
  assert.ok(!told(group.handle(first(sa(2), { shared: true, peerNotifies: [cpuQueues(8)] }), 0)).includes("report mode"));
  assert.equal(group.mode, "per-cpu");
  assert.equal(group.view().limit, 2 * 8 + 1, "the larger count is agreed all the same");
  group.handle({ kind: "confirmed", sa: sa(1) }, 0);
  assert.deepEqual(entriesOf(group), ["CPU 0: own 1", "CPU 1: shared 2, asks"]);
});

test("rfc9611: the same, with the one notify for both", () => {
  const group = newGroup();
  group.handle(first(sa(1), { ...answered, peerNotifies: [RESOURCE_INFO] }), 0);
  group.handle(first(sa(2), { cpu: cpu(1), peerNotifies: [RESOURCE_INFO] }), 0);
  assert.equal(group.mode, "per-cpu");
  assert.deepEqual(
    entriesOf(group),
    ["CPU 0: stub to CPU 1 SA 2", "CPU 1: own 2"],
    "what the peer surely has, until the other is confirmed",
  );
});

test("both ends made a first SA at once, and one of them says no: both end with one plain SA for all", () => {
  // By its own ratio the peer declines our first one, after this end has accepted the peer's.
  const group = newGroup({ scheme: "cpu-queues", cpus: cpus(2), maxCpuRatio: 0 });
  group.handle(first(sa(1), { ...answered, shared: true, peerNotifies: [cpuQueues(100)] }), 0);
  assert.equal(group.mode, "per-cpu");
  assert.ok(told(group.handle(first(sa(2), { shared: true, peerNotifies: [] }), 0)).includes("report mode"));
  assert.equal(group.mode, "single");
  assert.deepEqual(entriesOf(group), ["CPU 0: shared 2", "CPU 1: shared 2"]);
});

test("a CPU goes while its SA may not be with the peer yet: it is closed or moved when it is", () => {
  const onlyOne = newGroup();
  onlyOne.handle(first(sa(1), answered), 0);
  assert.deepEqual(
    told(onlyOne.handle({ kind: "cpuRemoved", cpu: cpu(0) }, 0)),
    ["CPU 1: stub to CPU 0 SA 1"],
    "one CPU needs no second SA",
  );
  assert.deepEqual(told(onlyOne.handle({ kind: "confirmed", sa: sa(1) }, 0)), ["rekey 1"]);
  assert.deepEqual(told(onlyOne.handle({ kind: "confirmed", sa: sa(1) }, 0)), [], "once is enough");

  const oneOfTwo = newGroup();
  oneOfTwo.handle(first(sa(1)), 0);
  oneOfTwo.handle(additional(sa(2), cpu(1), answered), 0);
  assert.deepEqual(told(oneOfTwo.handle({ kind: "cpuRemoved", cpu: cpu(1) }, 0)), []);
  assert.deepEqual(told(oneOfTwo.handle({ kind: "confirmed", sa: sa(2) }, 0)), ["delete 2"]);
});

test("a CPU goes while its request is under way: under hold and drop its packets take another way at once, and the SA is closed again", () => {
  for (const onMissingSa of ["hold", "drop"] as const) {
    const group = newGroup({ onMissingSa });
    group.handle(first(sa(1)), 0);
    group.handle({ kind: "acquire", cpu: cpu(1) }, 0);
    assert.deepEqual(told(group.handle({ kind: "cpuRemoved", cpu: cpu(1) }, 0)), ["CPU 1: stub to CPU 0 SA 1"]);
    const actions = told(group.handle(additional(sa(2), cpu(1)), 0));
    assert.equal(actions.at(-1), "delete 2");
    assert.deepEqual(entriesOf(group), ["CPU 0: own 1", "CPU 1: stub to CPU 0 SA 1"]);
  }
});

test("the connection makes a first SA itself while one for the same CPU is under way: the answer to the latter still counts", () => {
  const group = newGroup({ cpus: cpus(3) });
  group.handle(first(sa(1)), 0);
  group.handle({ kind: "acquire", cpu: cpu(1) }, 0);
  group.handle(first(sa(2), { cpu: cpu(1) }), 0);
  assert.equal(told(group.handle({ kind: "refused", cpu: cpu(1), why: "TS_MAX_QUEUE" }, 0)).at(-1), "report refused");
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(2) }, 0)), [], "the hold time has begun");
});
