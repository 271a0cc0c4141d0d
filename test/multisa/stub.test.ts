/** The proposal without negotiation at one end: nothing on the wire, refusals in the words of RFC 7296. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { additional, answered, cpu, cpus, entriesOf, first, newGroup, RESOURCE_INFO, sa, told } from "./harness/build.ts";

const SCHEME = { scheme: "stub" } as const;
const plain = { peerNotifies: [] } as const;

test("nothing is said in any exchange, whatever the peer says", () => {
  const group = newGroup(SCHEME);
  assert.deepEqual(group.requestNotifies("first", cpu(0)), []);
  assert.deepEqual(group.answerNotifies("first", cpu(0), [RESOURCE_INFO]), []);
  group.handle(first(sa(1), plain), 0);
  for (const purpose of ["additional", "rekey"] as const) {
    assert.deepEqual(group.requestNotifies(purpose, cpu(1)), []);
    assert.deepEqual(group.answerNotifies(purpose, cpu(1), [RESOURCE_INFO]), []);
  }
});

test("the peer need not know: any first SA is enough, the other CPUs have stubs that ask", () => {
  const group = newGroup({ ...SCHEME, cpus: cpus(3) });
  group.handle(first(sa(1), plain), 0);
  assert.equal(group.mode, "per-cpu");
  assert.deepEqual(entriesOf(group), ["CPU 0: own 1", "CPU 1: stub to CPU 0 SA 1, asks", "CPU 2: stub to CPU 0 SA 1, asks"]);
});

test("a stub gives way to the SA when it comes, and takes its place when it goes", () => {
  const group = newGroup(SCHEME);
  group.handle(first(sa(1), plain), 0);
  group.handle({ kind: "acquire", cpu: cpu(1) }, 0);
  assert.deepEqual(told(group.handle(additional(sa(2), cpu(1), plain), 0)), ["CPU 1: own 2"]);
  assert.deepEqual(told(group.handle({ kind: "deleted", sa: sa(1), by: "peer" }, 0)), ["CPU 0: stub to CPU 1 SA 2, asks"]);
  assert.deepEqual(told(group.handle({ kind: "deleted", sa: sa(2), by: "peer" }, 0)).sort(), ["CPU 0: none, asks", "CPU 1: none, asks"]);
  assert.equal(group.isEmpty, true);
});

for (const why of ["TS_UNACCEPTABLE", "NO_ADDITIONAL_SAS"] as const) {
  test(`${why}: "do not ask again", on any CPU, for the hold time`, () => {
    const group = newGroup({ ...SCHEME, cpus: cpus(3) });
    group.handle(first(sa(1), plain), 0);
    group.handle({ kind: "acquire", cpu: cpu(1) }, 0);
    group.handle({ kind: "refused", cpu: cpu(1), why }, 0);
    assert.deepEqual(entriesOf(group), ["CPU 0: own 1", "CPU 1: stub to CPU 0 SA 1", "CPU 2: stub to CPU 0 SA 1"]);
    assert.match(group.view().cpus[1]?.why ?? "", new RegExp(why));
    assert.equal(group.nextTimeout(), 60_000);
  });
}

test("NO_ADDITIONAL_SAS is about the IKE SA: another group's answer stops this one too", () => {
  const group = newGroup(SCHEME);
  group.handle(first(sa(1), plain), 0);
  assert.deepEqual(told(group.handle({ kind: "noAdditionalSas" }, 0)), ["CPU 1: stub to CPU 0 SA 1"]);
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, 10)), []);
});

test("as responder, an SA of selectors that are there already is spread, not taken for a replacement", () => {
  const group = newGroup(SCHEME);
  group.handle(first(sa(1), { ...answered, ...plain }), 0);
  group.handle({ kind: "confirmed", sa: sa(1) }, 0);
  const admission = group.admit([]);
  assert.deepEqual(admission, { accept: true, cpu: cpu(1), shared: false });
  group.handle(additional(sa(2), cpu(1), { ...answered, ...plain }), 0);
  group.handle({ kind: "confirmed", sa: sa(2) }, 0);
  assert.deepEqual(entriesOf(group), ["CPU 0: own 1", "CPU 1: own 2"]);
});

test("one too many is refused with TS_UNACCEPTABLE", () => {
  const group = newGroup({ ...SCHEME, maxSas: 1, perCpuSas: false });
  group.handle(first(sa(1), { ...answered, ...plain }), 0);
  const admission = group.admit([]);
  assert.ok(!admission.accept);
  assert.equal(admission.refusal, "TS_UNACCEPTABLE");
});

test("stubs are spread evenly over the CPUs that seal, and stay where they are when nothing forces them", () => {
  const group = newGroup({ ...SCHEME, cpus: cpus(10) });
  group.handle(first(sa(1), plain), 0);
  group.handle({ kind: "acquire", cpu: cpu(1) }, 0);
  group.handle(additional(sa(2), cpu(1), plain), 0);
  const ownersOf = (): (number | undefined)[] => group.view().cpus.map(({ entry }) => (entry.kind === "stub" ? entry.owner : undefined));
  const before = ownersOf();
  assert.deepEqual(
    [0, 1].map((owner) => before.filter((each) => each === owner).length),
    [4, 4],
  );
  group.handle({ kind: "acquire", cpu: cpu(9) }, 0);
  group.handle({ kind: "refused", cpu: cpu(9), why: "TEMPORARY_FAILURE" }, 0);
  assert.deepEqual(ownersOf(), before);
});
