/** The invariants of a group, checked against what the end around it knows. Each throws AssertionError. */
import assert from "node:assert/strict";
import type { ChildSaId } from "../../../src/ipsec/names.ts";
import type { GroupView } from "../../../src/multisa/view.ts";
import { describeEntry } from "../harness/build.ts";
import type { End, Sa } from "./end.ts";

/** Holds after every event. */
export function checkEnd(end: End): void {
  const view = end.group.view();
  checkMembers(end, view);
  const entries = new Map(view.cpus.map(({ cpu, entry }) => [cpu, entry]));
  assert.equal(entries.size, view.cpus.length, `${end.side}: two entries for one CPU`);
  for (const { cpu } of end.workers.all)
    assert.ok(entries.has(cpu) || !end.config.cpus.includes(cpu), `${end.side}: no entry for CPU ${cpu}`);

  const live = new Map(end.live.map((sa) => [sa.id, sa]));
  const hasConfirmed = end.live.some(({ confirmed }) => confirmed);
  const isPatient = end.config.onMissingSa === "hold" || end.config.onMissingSa === "drop";
  for (const { cpu, entry, why } of view.cpus) {
    const what = `${end.side}: CPU ${cpu}: ${describeEntry(entry)}`;
    if (entry.kind === "none") {
      if (live.size === 0) continue;
      assert.ok(isPatient, `${what}, while there are SAs`);
      assert.ok(entry.ask || why === "asked for" || why?.startsWith("waits") === true, `${what}, and waits for nothing: ${why}`);
      continue;
    }
    const sa = live.get(entry.sa);
    assert.ok(sa !== undefined, `${what}, which does not live`);
    assert.ok(sa.confirmed || !hasConfirmed || isPatient, `${what}, which the peer may not have`);
    assert.equal(sa.shared, entry.kind === "shared", what);
    if (entry.kind === "own") assert.equal(sa.cpu, cpu, what);
    if (entry.kind !== "stub") continue;
    assert.notEqual(entry.owner, cpu, what);
    assert.deepEqual(entries.get(entry.owner), { kind: "own", sa: entry.sa }, `${what}: the owner has another entry`);
  }
}

function checkMembers(end: End, view: GroupView): void {
  const members = view.members.map(({ sa }) => sa).sort((a, b) => a - b);
  const live = end.live.map(({ id }) => id).sort((a, b) => a - b);
  assert.deepEqual(members, live, `${end.side}: the group's members are not the live SAs`);
  // What the peer asks for is admitted up to the limit; our own requests may be answered after that, and each rekey adds one for a moment.
  const { maxPendingCreates } = end.config.timing;
  assert.ok(new Set(members).size <= 2 * (view.limit + maxPendingCreates), `${end.side}: ${members.length} members, limit ${view.limit}`);
}

/** Holds when nothing is under way: not on the network, and not to the workers. */
export function checkAgreement(left: End, right: End): void {
  const pairsOf = (sas: readonly Sa[], pair: (sa: Sa) => readonly [ChildSaId, ChildSaId]): string[] =>
    sas.map((sa) => pair(sa).join("-")).sort();
  assert.deepEqual(
    pairsOf(left.live, ({ id, peerId }) => [id, peerId]),
    pairsOf(right.live, ({ id, peerId }) => [peerId, id]),
    "the ends disagree about which SAs there are",
  );
  const isSameScheme = left.config.scheme === right.config.scheme && left.config.perCpuSas && right.config.perCpuSas;
  if (isSameScheme) assert.equal(left.group.mode, right.group.mode, "the ends disagree about the mode");
  for (const end of [left, right]) checkWorkers(end);
}

/** What each worker has is what the group believes it to have. */
function checkWorkers(end: End): void {
  for (const { cpu, entry } of end.group.view().cpus) {
    const worker = end.workers.get(cpu);
    assert.ok(worker.isUpToDate);
    const wanted = entry.kind === "own" ? entry : { ...entry, ask: worker.isArmed };
    const actual = worker.entry.kind === "own" ? worker.entry : { ...worker.entry, ask: worker.isArmed };
    assert.deepEqual(actual, wanted, `${end.side}: CPU ${cpu}`);
    if (entry.kind !== "own" && entry.ask) assert.ok(worker.isArmed, `${end.side}: CPU ${cpu} should ask, and does not`);
  }
}
