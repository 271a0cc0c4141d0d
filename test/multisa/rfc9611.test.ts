/** RFC 9611 at one end, as ladders: what happens, and what the group then wants done. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { additional, answered, cpu, cpus, entriesOf, first, newGroup, RESOURCE_INFO, sa, told } from "./harness/build.ts";

test("SA_RESOURCE_INFO both ways turns it on: CPU 0 has the first SA, CPU 1 re-steers and asks", () => {
  const group = newGroup();
  assert.equal(group.mode, "undecided");
  assert.deepEqual(
    group.requestNotifies("first", cpu(0)).map(({ kind }) => kind),
    ["SA_RESOURCE_INFO"],
  );
  assert.deepEqual(told(group.handle(first(sa(1)), 0)), ["CPU 0: own 1", "CPU 1: stub to CPU 0 SA 1, asks", "report mode"]);
  assert.equal(group.mode, "per-cpu");
});

test("a packet on CPU 1 → CREATE_CHILD_SA with the notify → an SA of its own", () => {
  const group = newGroup();
  group.handle(first(sa(1)), 0);
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, 0)), ["create 1"]);
  assert.deepEqual(
    group.requestNotifies("additional", cpu(1)).map(({ kind }) => kind),
    ["SA_RESOURCE_INFO"],
  );
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, 0)), [], "asked for already");
  assert.deepEqual(told(group.handle(additional(sa(2), cpu(1)), 0)), ["CPU 1: own 2"]);
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, 0)), [], "it has one");
});

test("an answer without SA_RESOURCE_INFO: one plain SA, usable from every CPU, and nobody asks for more", () => {
  const group = newGroup({ cpus: cpus(3) });
  group.handle(first(sa(1), { peerNotifies: [] }), 0);
  assert.equal(group.mode, "single");
  assert.match(group.view().reason ?? "", /SA_RESOURCE_INFO/);
  assert.deepEqual(entriesOf(group), ["CPU 0: own 1", "CPU 1: stub to CPU 0 SA 1", "CPU 2: stub to CPU 0 SA 1"]);
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(2) }, 0)), []);
  assert.deepEqual(group.requestNotifies("rekey", cpu(0)), []);
});

test("switched off here: nothing is said, and what the peer says changes nothing", () => {
  const group = newGroup({ perCpuSas: false });
  assert.deepEqual(group.requestNotifies("first", cpu(0)), []);
  assert.deepEqual(group.answerNotifies("first", cpu(0), [RESOURCE_INFO]), []);
  group.handle(first(sa(1), { ...answered, peerNotifies: [RESOURCE_INFO] }), 0);
  assert.equal(group.mode, "single");
  assert.match(group.view().reason ?? "", /per_cpu_sas/);
});

test("the answer says only what the request said", () => {
  const group = newGroup();
  assert.deepEqual(group.answerNotifies("first", cpu(0), []), []);
  assert.equal(group.answerNotifies("first", cpu(0), [RESOURCE_INFO]).length, 1);
  group.handle(first(sa(1), { ...answered }), 0);
  assert.equal(group.answerNotifies("first", cpu(0), [RESOURCE_INFO]).length, 1, "after the SA has become a member as well");
  assert.equal(group.answerNotifies("additional", cpu(1), [RESOURCE_INFO]).length, 1);
  assert.deepEqual(group.answerNotifies("rekey", cpu(1), []), []);
  assert.equal(group.answerNotifies("rekey", cpu(1), [RESOURCE_INFO]).length, 1);
});

test("identifiers are random octets: one for each CPU, the same at a rekey, nothing of the CPU's number in them", () => {
  const group = newGroup({ cpus: cpus(64) });
  group.handle(first(sa(1)), 0);
  const identifierOf = (at: number, purpose: "additional" | "rekey"): string => {
    const [notify] = group.requestNotifies(purpose, cpu(at));
    assert.equal(notify?.kind, "SA_RESOURCE_INFO");
    return Buffer.from(notify.identifier).toString("hex");
  };
  const identifiers = cpus(64).map((at) => identifierOf(at, "additional"));
  assert.equal(new Set(identifiers).size, 64);
  assert.deepEqual(
    cpus(64).map((at) => identifierOf(at, "rekey")),
    identifiers,
  );
  assert.ok(identifiers.every((each) => each.length >= 8));
});

test("TS_MAX_QUEUE: no CPU asks for the hold time, whichever was refused; all still send", () => {
  const group = newGroup({ cpus: cpus(3) });
  group.handle(first(sa(1)), 0);
  group.handle({ kind: "acquire", cpu: cpu(1) }, 0);
  assert.deepEqual(told(group.handle({ kind: "refused", cpu: cpu(1), why: "TS_MAX_QUEUE" }, 100)), [
    "CPU 2: stub to CPU 0 SA 1",
    "report refused",
  ]);
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(2) }, 100)), []);
  assert.equal(group.nextTimeout(), 60_100);
  assert.deepEqual(told(group.handleTimeout(60_099)), []);
  assert.deepEqual(told(group.handleTimeout(60_100)).sort(), ["CPU 1: stub to CPU 0 SA 1, asks", "CPU 2: stub to CPU 0 SA 1, asks"]);
  assert.equal(group.nextTimeout(), undefined);
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(2) }, 60_200)), ["create 2"]);
});

test("TS_MAX_QUEUE is forgotten when a member goes away, but nothing is asked for because of that", () => {
  const group = newGroup({ cpus: cpus(3) });
  group.handle(first(sa(1)), 0);
  group.handle(additional(sa(2), cpu(1)), 0);
  group.handle({ kind: "acquire", cpu: cpu(2) }, 0);
  group.handle({ kind: "refused", cpu: cpu(2), why: "TS_MAX_QUEUE" }, 0);
  const actions = told(group.handle({ kind: "deleted", sa: sa(2), by: "peer" }, 1));
  assert.deepEqual(actions.sort(), ["CPU 1: stub to CPU 0 SA 1, asks", "CPU 2: stub to CPU 0 SA 1, asks"]);
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, 2)), ["create 1"]);
});

test("the end of a rekeyed SA makes no room: the refusal stands", () => {
  const group = newGroup({ cpus: cpus(3) });
  group.handle(first(sa(1)), 0);
  group.handle({ kind: "acquire", cpu: cpu(2) }, 0);
  group.handle({ kind: "refused", cpu: cpu(2), why: "TS_MAX_QUEUE" }, 0);
  group.handle(additional(sa(2), cpu(0), { rekeyOf: sa(1), peerNotifies: [] }), 1);
  group.handle({ kind: "deleted", sa: sa(1), by: "local" }, 2);
  assert.deepEqual(entriesOf(group), ["CPU 0: own 2", "CPU 1: stub to CPU 0 SA 2", "CPU 2: stub to CPU 0 SA 2"]);
});

test("as responder: a new SA goes to the CPU with the fewest, until there are twice as many as CPUs", () => {
  const group = newGroup({ cpus: cpus(3) });
  const loads = [0, 0, 0];
  for (let id = 1; id <= 6; id++) {
    const admission = group.admit([RESOURCE_INFO]);
    assert.ok(admission.accept);
    assert.equal(loads[admission.cpu], Math.min(...loads), `SA ${id} on CPU ${admission.cpu} with ${loads.join(" ")}`);
    loads[admission.cpu]!++;
    group.handle(first(sa(id), { ...answered, cpu: admission.cpu, first: id === 1 }), 0);
    group.handle({ kind: "confirmed", sa: sa(id) }, 0);
  }
  assert.deepEqual(loads, [2, 2, 2]);
  const refused = group.admit([RESOURCE_INFO]);
  assert.ok(!refused.accept);
  assert.equal(refused.refusal, "TS_MAX_QUEUE");
  assert.match(refused.text, /limit is 6/);
});

test("a CPU that our own request is for counts as one that has an SA", () => {
  const group = newGroup({ cpus: cpus(3) });
  group.handle(first(sa(1)), 0);
  group.handle({ kind: "acquire", cpu: cpu(1) }, 0);
  const admission = group.admit([RESOURCE_INFO]);
  assert.ok(admission.accept);
  assert.equal(admission.cpu, 2);
});

test("a peer that knows nothing of RFC 9611 is refused in words that it knows", () => {
  const group = newGroup({ maxSas: 1 });
  group.handle(first(sa(1), { ...answered, peerNotifies: [] }), 0);
  const refused = group.admit([]);
  assert.ok(!refused.accept);
  assert.equal(refused.refusal, "TS_UNACCEPTABLE");
});

test("what was answered is sent on only when the peer has the answer, unless there is nothing else", () => {
  const group = newGroup();
  assert.deepEqual(told(group.handle(first(sa(1), answered), 0)), ["CPU 0: own 1", "CPU 1: stub to CPU 0 SA 1, asks", "report mode"]);
  group.handle({ kind: "confirmed", sa: sa(1) }, 0);
  assert.deepEqual(told(group.handle(additional(sa(2), cpu(1), answered), 0)), ["CPU 1: stub to CPU 0 SA 1"], "no more to ask for");
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, 0)), [], "a packet that was quicker");
  assert.deepEqual(told(group.handle({ kind: "confirmed", sa: sa(2) }, 0)), ["CPU 1: own 2"]);
});

test("both ends ask for one CPU at once: both SAs stand, ours is sent on", () => {
  const group = newGroup();
  group.handle(first(sa(1)), 0);
  group.handle({ kind: "acquire", cpu: cpu(1) }, 0);
  group.handle(additional(sa(2), cpu(1), answered), 0);
  group.handle({ kind: "confirmed", sa: sa(2) }, 0);
  assert.deepEqual(entriesOf(group), ["CPU 0: own 1", "CPU 1: own 2"]);
  assert.deepEqual(told(group.handle(additional(sa(3), cpu(1)), 0)), ["CPU 1: own 3"]);
  assert.equal(group.view().members.length, 3);
  assert.deepEqual(told(group.handle({ kind: "deleted", sa: sa(3), by: "peer" }, 0)), ["CPU 1: own 2"], "the other one takes over");
});
