/** Members come, are rekeyed, idle out and go; CPUs too; and what may be asked for when. The same for all schemes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_GROUP_TIMING } from "../../src/multisa/config.ts";
import type { ChildSaGroup } from "../../src/multisa/group.ts";
import { additional, answered, cpu, cpus, entriesOf, first, newGroup, sa, told } from "./harness/build.ts";

/** An SA for each CPU: SA 1 on CPU 0, and so on. */
function fullGroup(count: number): ChildSaGroup {
  const group = newGroup({ cpus: cpus(count) });
  group.handle(first(sa(1)), 0);
  for (let at = 1; at < count; at++) group.handle(additional(sa(at + 1), cpu(at)), 0);
  return group;
}

test("rekey by us: the new SA is sent on at once, the old one is left to its Delete", () => {
  const group = fullGroup(2);
  assert.equal(group.cpuForRekey(sa(2)), 1);
  assert.deepEqual(told(group.handle(additional(sa(3), cpu(1), { rekeyOf: sa(2), peerNotifies: [] }), 0)), ["CPU 1: own 3"]);
  assert.deepEqual(told(group.handle({ kind: "deleted", sa: sa(2), by: "local" }, 0)), []);
});

test("rekey by the peer: the old SA is sent on until the peer has the new one", () => {
  const group = fullGroup(2);
  assert.deepEqual(told(group.handle(additional(sa(3), cpu(1), { ...answered, rekeyOf: sa(2) }), 0)), []);
  assert.deepEqual(told(group.handle({ kind: "confirmed", sa: sa(3) }, 0)), ["CPU 1: own 3"]);
});

test("the old SA goes before the new one is confirmed: the new one is all there is for its CPU's peer", () => {
  const group = fullGroup(2);
  group.handle(additional(sa(3), cpu(1), { ...answered, rekeyOf: sa(2) }), 0);
  assert.deepEqual(told(group.handle({ kind: "deleted", sa: sa(2), by: "peer" }, 0)), ["CPU 1: stub to CPU 0 SA 1"], "and no packet asks");
  assert.deepEqual(told(group.handle({ kind: "confirmed", sa: sa(3) }, 0)), ["CPU 1: own 3"]);
});

test("both ends rekey one SA at once: whichever successor is deleted, the other is sent on", () => {
  for (const redundant of [3, 4]) {
    const group = fullGroup(2);
    group.handle(additional(sa(3), cpu(1), { ...answered, rekeyOf: sa(2) }), 0);
    group.handle(additional(sa(4), cpu(1), { rekeyOf: sa(2) }), 0);
    group.handle({ kind: "confirmed", sa: sa(3) }, 0);
    group.handle({ kind: "deleted", sa: sa(redundant), by: "peer" }, 0);
    group.handle({ kind: "deleted", sa: sa(2), by: "peer" }, 0);
    assert.deepEqual(entriesOf(group), ["CPU 0: own 1", `CPU 1: own ${redundant === 3 ? 4 : 3}`]);
  }
});

test("a rekey whose new SA is taken back leaves the old one as it was", () => {
  const group = fullGroup(2);
  group.handle(additional(sa(3), cpu(1), { rekeyOf: sa(2) }), 0);
  assert.deepEqual(told(group.handle({ kind: "deleted", sa: sa(3), by: "peer" }, 0)), ["CPU 1: own 2"]);
});

test("idle: a member goes when others are left, and its CPU asks with its next packet", () => {
  const group = fullGroup(3);
  assert.deepEqual(told(group.handle({ kind: "idle", sa: sa(2) }, 0)), ["CPU 1: stub to CPU 0 SA 1, asks", "delete 2"]);
  assert.deepEqual(told(group.handle({ kind: "idle", sa: sa(2) }, 0)), [], "once is enough");
  assert.deepEqual(told(group.handle({ kind: "deleted", sa: sa(2), by: "local" }, 0)), []);
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, 0)), ["create 1"]);
});

test("idle: neither the last one nor the last confirmed one goes", () => {
  const group = newGroup();
  group.handle(first(sa(1)), 0);
  assert.deepEqual(told(group.handle({ kind: "idle", sa: sa(1) }, 0)), []);
  group.handle(additional(sa(2), cpu(1), answered), 0);
  assert.deepEqual(told(group.handle({ kind: "idle", sa: sa(1) }, 0)), [], "the peer may not have the other one");
  group.handle({ kind: "confirmed", sa: sa(2) }, 0);
  assert.deepEqual(told(group.handle({ kind: "idle", sa: sa(1) }, 0)).at(-1), "delete 1");
});

test("idle events for all at once leave one", () => {
  const group = fullGroup(4);
  const actions = [1, 2, 3, 4].flatMap((id) => told(group.handle({ kind: "idle", sa: sa(id) }, 0)));
  assert.equal(actions.filter((text) => text.startsWith("delete")).length, 3);
  assert.deepEqual(new Set(entriesOf(group).map((text) => text.replace(/CPU \d: /, ""))), new Set(["own 4", "stub to CPU 3 SA 4, asks"]));
});

test("a Delete makes nobody ask: only a packet does", () => {
  const group = fullGroup(3);
  for (const id of [3, 2, 1]) {
    const actions = told(group.handle({ kind: "deleted", sa: sa(id), by: "peer" }, 0));
    assert.ok(!actions.some((text) => text.startsWith("create")), actions.join());
  }
  assert.equal(group.nextTimeout(), undefined);
  assert.deepEqual(entriesOf(group), ["CPU 0: none, asks", "CPU 1: none, asks", "CPU 2: none, asks"]);
});

test("unknown and repeated events change nothing", () => {
  const group = fullGroup(2);
  for (const event of [
    { kind: "deleted", sa: sa(99), by: "peer" },
    { kind: "idle", sa: sa(99) },
    { kind: "confirmed", sa: sa(99) },
    { kind: "acquire", cpu: cpu(77) },
    { kind: "cpuRemoved", cpu: cpu(77) },
    { kind: "cpuAdded", cpu: cpu(1) },
    first(sa(1)),
  ] as const) {
    assert.deepEqual(told(group.handle(event, 0)), [], JSON.stringify(event));
  }
  assert.equal(group.nextTimeout(), undefined);
});

test("an empty group asks for its first SA alone; the CPUs that asked meanwhile follow when the peer agrees", () => {
  const group = fullGroup(4);
  for (const id of [1, 2, 3, 4]) group.handle({ kind: "deleted", sa: sa(id), by: "peer" }, 0);
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(2) }, 0)).at(-1), "create 2");
  assert.ok(!told(group.handle({ kind: "acquire", cpu: cpu(3) }, 0)).some((text) => text.startsWith("create")));
  const actions = told(group.handle(first(sa(9), { cpu: cpu(2) }), 0));
  assert.equal(actions[0], "CPU 2: own 9");
  assert.equal(group.mode, "per-cpu");
});

test("requests under way at once are bounded; the others follow in the order of their packets", () => {
  const group = newGroup({ cpus: cpus(6), timing: { ...DEFAULT_GROUP_TIMING, maxPendingCreates: 2 } });
  group.handle(first(sa(1)), 0);
  const asked = [3, 1, 5, 2].flatMap((at) => told(group.handle({ kind: "acquire", cpu: cpu(at) }, 0)));
  assert.deepEqual(
    asked.filter((text) => text.startsWith("create")),
    ["create 3", "create 1"],
  );
  assert.match(group.view().cpus[5]?.why ?? "", /turn/);
  assert.equal(told(group.handle(additional(sa(2), cpu(1)), 0)).at(-1), "create 5");
  assert.equal(told(group.handle({ kind: "refused", cpu: cpu(3), why: "TEMPORARY_FAILURE" }, 0)).at(-1), "create 2");
});

test("requests stop at the limit, those under way counted, and may go on when a member goes away", () => {
  const group = newGroup({ cpus: cpus(6), maxSas: 3 });
  group.handle(first(sa(1)), 0);
  const asked = [1, 2, 3].flatMap((at) => told(group.handle({ kind: "acquire", cpu: cpu(at) }, 0)));
  assert.deepEqual(
    asked.filter((text) => text.startsWith("create")),
    ["create 1", "create 2"],
  );
  group.handle(additional(sa(2), cpu(1)), 0);
  group.handle(additional(sa(3), cpu(2)), 0);
  assert.match(group.view().cpus[3]?.why ?? "", /limit of 3/);
  assert.ok(entriesOf(group).every((text) => !text.includes("asks")));
  const freed = told(group.handle({ kind: "deleted", sa: sa(3), by: "peer" }, 0));
  assert.equal(freed.length, 4, freed.join());
  assert.ok(freed.every((text) => text.endsWith("asks")));
});

test("TEMPORARY_FAILURE: only this CPU waits, twice as long each time, up to a bound, with up to half as much at random", () => {
  const group = newGroup({ cpus: cpus(3) });
  group.handle(first(sa(1)), 0);
  let now = 0;
  for (const base of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, now)).at(-1), "create 1");
    group.handle({ kind: "refused", cpu: cpu(1), why: "TEMPORARY_FAILURE" }, now);
    assert.equal(entriesOf(group)[2], "CPU 2: stub to CPU 0 SA 1, asks");
    assert.equal(entriesOf(group)[1], "CPU 1: stub to CPU 0 SA 1");
    const at = group.nextTimeout() ?? NaN;
    assert.ok(at - now >= base && at - now <= 1.5 * base, `${at - now} after ${base}`);
    assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, now + 1)), []);
    now = at;
    assert.deepEqual(told(group.handleTimeout(now)), ["CPU 1: stub to CPU 0 SA 1, asks"]);
  }
  group.handle({ kind: "acquire", cpu: cpu(1) }, now);
  group.handle(additional(sa(2), cpu(1)), now);
  group.handle({ kind: "deleted", sa: sa(2), by: "peer" }, now);
  group.handle({ kind: "acquire", cpu: cpu(1) }, now);
  group.handle({ kind: "refused", cpu: cpu(1), why: "timeout" }, now);
  assert.ok((group.nextTimeout() ?? NaN) - now <= 1500, "a success begins anew");
});

test("a CPU comes: it has a stub, and asks", () => {
  const group = fullGroup(2);
  assert.deepEqual(told(group.handle({ kind: "cpuAdded", cpu: cpu(2) }, 0)), ["CPU 2: stub to CPU 0 SA 1, asks"]);
  assert.equal(told(group.handle({ kind: "acquire", cpu: cpu(2) }, 0)).at(-1), "create 2");
});

test("a CPU goes: its SA is closed, or moved when it is the only one", () => {
  const group = fullGroup(2);
  assert.deepEqual(told(group.handle({ kind: "cpuRemoved", cpu: cpu(1) }, 0)), ["CPU 1: stub to CPU 0 SA 1", "delete 2"]);

  const alone = newGroup();
  alone.handle(first(sa(1)), 0);
  assert.deepEqual(told(alone.handle({ kind: "cpuRemoved", cpu: cpu(0) }, 0)).at(-1), "rekey 1");
  assert.equal(alone.cpuForRekey(sa(1)), 1);
  alone.handle(first(sa(2), { first: false, cpu: cpu(1), rekeyOf: sa(1) }), 0);
  alone.handle({ kind: "deleted", sa: sa(1), by: "local" }, 0);
  assert.deepEqual(entriesOf(alone), ["CPU 0: stub to CPU 1 SA 2", "CPU 1: own 2"]);
  const admission = alone.admit([]);
  assert.ok(admission.accept);
  assert.equal(admission.cpu, 1, "nothing new on a CPU that is gone");
});

test("the last CPU stays", () => {
  const group = newGroup({ cpus: cpus(1) });
  group.handle(first(sa(1)), 0);
  assert.deepEqual(told(group.handle({ kind: "cpuRemoved", cpu: cpu(0) }, 0)), []);
  assert.deepEqual(entriesOf(group), ["CPU 0: own 1"]);
  assert.throws(() => newGroup({ cpus: [] }), RangeError);
});

test("the IKE SA goes: everything with it, at once, and the next one begins anew", () => {
  const group = fullGroup(3);
  group.handle({ kind: "deleted", sa: sa(3), by: "peer" }, 0);
  group.handle({ kind: "acquire", cpu: cpu(2) }, 0);
  const actions = told(group.handle({ kind: "ikeSaGone" }, 0));
  assert.deepEqual(actions, ["CPU 0: none, asks", "CPU 1: none, asks", "CPU 2: none, asks"]);
  assert.equal(group.mode, "undecided");
  assert.equal(group.nextTimeout(), undefined);
  group.handle(first(sa(7), { peerNotifies: [] }), 1);
  assert.equal(group.mode, "single");
});

test("the view says why a CPU has no SA of its own", () => {
  const group = newGroup({ cpus: cpus(4), timing: { ...DEFAULT_GROUP_TIMING, maxPendingCreates: 1 } });
  group.handle(first(sa(1)), 0);
  group.handle({ kind: "acquire", cpu: cpu(1) }, 0);
  group.handle({ kind: "acquire", cpu: cpu(2) }, 0);
  assert.deepEqual(
    group.view().cpus.map(({ why }) => why),
    [undefined, "asked for", "waits for its turn to ask", "no packet has asked for one yet"],
  );
  assert.deepEqual(group.view().members, [{ sa: sa(1), cpu: cpu(0), shared: false, role: "initiator", confirmed: true }]);
});

test("the first SA is refused: a short wait, the same for all CPUs and longer each time, since there is nothing to send on", () => {
  const group = newGroup({ cpus: cpus(3) });
  let now = 0;
  for (const base of [1000, 2000, 4000]) {
    assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, now)).at(-1), "create 1");
    const actions = told(group.handle({ kind: "refused", cpu: cpu(1), why: "TS_UNACCEPTABLE" }, now));
    assert.equal(actions.at(-1), "report refused");
    assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(2) }, now)), []);
    const { silentUntil = NaN } = group.view().cpus[2] ?? {};
    assert.ok(silentUntil - now >= base && silentUntil - now <= 1.5 * base, `${silentUntil - now} after ${base}`);
    assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(0) }, silentUntil - 0.5)), [], "not yet");
    now = silentUntil;
    assert.deepEqual(told(group.handleTimeout(now)), ["CPU 0: none, asks", "CPU 1: none, asks", "CPU 2: none, asks"]);
  }
  assert.equal(told(group.handle({ kind: "acquire", cpu: cpu(0) }, now)).at(-1), "create 0");
});

test("the first SA is refused, and the peer makes one itself: the refusal holds for further ones", () => {
  const group = newGroup();
  group.handle({ kind: "acquire", cpu: cpu(1) }, 0);
  group.handle({ kind: "refused", cpu: cpu(1), why: "TS_UNACCEPTABLE" }, 0);
  group.handle(first(sa(1), answered), 10);
  group.handleTimeout(5000);
  assert.deepEqual(entriesOf(group), ["CPU 0: own 1", "CPU 1: stub to CPU 0 SA 1"]);
  assert.deepEqual(told(group.handleTimeout(60_000)), ["CPU 1: stub to CPU 0 SA 1, asks"]);
});

test("NO_ADDITIONAL_SAS for another group keeps an empty one from asking too, whatever its own first request comes to", () => {
  const group = newGroup();
  group.handle({ kind: "acquire", cpu: cpu(0) }, 0);
  group.handle({ kind: "noAdditionalSas" }, 0);
  group.handle({ kind: "refused", cpu: cpu(0), why: "TEMPORARY_FAILURE" }, 0);
  group.handleTimeout(59_999);
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, 59_999)), []);
  assert.equal(group.nextTimeout(), 60_000);
  group.handleTimeout(60_000);
  assert.equal(told(group.handle({ kind: "acquire", cpu: cpu(1) }, 60_000)).at(-1), "create 1");
});

test("the connection's own first SA is taken for the answer to the group's request: the peer's no to that still counts", () => {
  const group = newGroup();
  assert.equal(told(group.handle({ kind: "acquire", cpu: cpu(0) }, 0)).at(-1), "create 0");
  group.handle(first(sa(1)), 0);
  group.handle({ kind: "refused", cpu: cpu(0), why: "TS_MAX_QUEUE" }, 0);
  assert.deepEqual(entriesOf(group), ["CPU 0: own 1", "CPU 1: stub to CPU 0 SA 1"]);
  assert.deepEqual(told(group.handle({ kind: "acquire", cpu: cpu(1) }, 1)), []);
  assert.equal(group.nextTimeout(), 60_000);
});

test("a CPU that waits for its turn to ask is taken away: nothing is asked for it", () => {
  const group = newGroup({ cpus: cpus(4), timing: { ...DEFAULT_GROUP_TIMING, maxPendingCreates: 1 } });
  group.handle(first(sa(1)), 0);
  for (const at of [1, 2, 3]) group.handle({ kind: "acquire", cpu: cpu(at) }, 0);
  group.handle({ kind: "cpuRemoved", cpu: cpu(2) }, 0);
  assert.deepEqual(
    told(group.handle(additional(sa(2), cpu(1)), 0)).filter((text) => text.startsWith("create")),
    ["create 3"],
  );
});
