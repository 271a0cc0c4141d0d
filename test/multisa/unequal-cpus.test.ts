/** Two ends with as many CPUs as they have: which SAs there are when every CPU has sent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GroupConfig } from "../../src/multisa/config.ts";
import type { SchemeName } from "../../src/multisa/scheme.ts";
import { cpu, cpus } from "./harness/build.ts";
import type { End } from "./simulation/end.ts";
import { BAD, PERFECT, type Conditions } from "./simulation/network.ts";
import { Pair } from "./simulation/pair.ts";

function pairOf(scheme: SchemeName, left: number, right: number, conditions: Conditions = PERFECT, more: Partial<GroupConfig> = {}): Pair {
  const pair = new Pair({ left: { scheme, cpus: cpus(left), ...more }, right: { scheme, cpus: cpus(right), ...more }, conditions });
  pair.left.initiate(cpu(0));
  pair.settle();
  return pair;
}

/** How many SAs each CPU has, those for all CPUs apart. */
const loadsOf = (end: End): number[] =>
  end.workers.all.map((worker) => end.live.filter((sa) => sa.cpu === worker.cpu && !sa.shared).length);

const ownersOf = (end: End): number => end.group.view().cpus.filter(({ entry }) => entry.kind === "own").length;

/** Every packet of every CPU arrives, handed on at most once. */
function checkEveryCpuSends(pair: Pair): void {
  for (const end of pair.ends) {
    for (const worker of end.workers.all) {
      const fate = pair.send(end.side, worker.cpu);
      assert.ok(typeof fate === "object" && fate.hops <= 1, `${end.side}: CPU ${worker.cpu}: ${JSON.stringify(fate)}`);
    }
  }
}

for (const scheme of ["rfc9611", "cpu-queues", "stub"] as const) {
  // The draft's Fallback SA is nobody's own.
  const extra = scheme === "cpu-queues" ? 1 : 0;

  test(`${scheme}, 1 × 1: one SA is enough`, () => {
    const pair = pairOf(scheme, 1, 1);
    pair.sendEverywhere();
    checkEveryCpuSends(pair);
    assert.equal(pair.left.live.length, 1);
    assert.equal(pair.left.rules.requests + pair.right.rules.requests, 0);
  });

  test(`${scheme}, 6 × 8: eight pairs, and two CPUs of the smaller end own two`, () => {
    const pair = pairOf(scheme, 6, 8);
    for (const end of pair.ends) {
      for (const worker of end.workers.all) {
        pair.send(end.side, worker.cpu);
        pair.settle();
      }
    }
    pair.sendEverywhere();
    checkEveryCpuSends(pair);
    assert.equal(pair.left.live.length, 8 + extra);
    assert.deepEqual(loadsOf(pair.left).sort(), [1, 1, 1, 1, 2, 2]);
    assert.deepEqual(loadsOf(pair.right), Array<number>(8).fill(1));
    // Only one of the two is sent on; both can be received on.
    assert.equal(ownersOf(pair.left), 6);
    assert.equal(ownersOf(pair.right), 8);
  });

  test(`${scheme}, 6 × 8, all CPUs of both ends at once over a bad network: an SA for each, within the limits`, () => {
    const pair = pairOf(scheme, 6, 8, BAD);
    for (let index = 0; index < 8; index++)
      for (const end of pair.ends) if (index < end.config.cpus.length) pair.send(end.side, cpu(index));
    pair.sendEverywhere();
    checkEveryCpuSends(pair);
    assert.ok(loadsOf(pair.left).every((load) => load >= 1));
    assert.ok(pair.left.live.length >= 8 + extra && pair.left.live.length <= 6 + 8 + extra, `${pair.left.live.length} SAs`);
  });

  test(`${scheme}, 64 × 64, both ends at once over a bad network: an SA for each CPU at both ends`, () => {
    const pair = pairOf(scheme, 64, 64, BAD);
    for (let index = 0; index < 64; index++) for (const end of pair.ends) pair.send(end.side, cpu(index));
    pair.sendEverywhere();
    checkEveryCpuSends(pair);
    for (const end of pair.ends) assert.equal(ownersOf(end), 64, end.side);
    assert.ok(pair.left.live.length <= 2 * 64 + extra, `${pair.left.live.length} SAs`);
  });

  test(`${scheme}, 64 × 64, one end asks: 64 pairs, spread evenly at the other`, () => {
    const pair = pairOf(scheme, 64, 64);
    for (const worker of pair.left.workers.all) pair.send("left", worker.cpu);
    pair.settle();
    assert.equal(pair.left.live.length, 64 + extra);
    for (const end of pair.ends) assert.deepEqual(loadsOf(end), Array<number>(64).fill(1), end.side);
    pair.sendEverywhere();
    assert.equal(pair.right.rules.requests, 0, "the other end has nothing left to ask for");
  });
}

for (const [left, right] of [
  [1000, 2],
  [2, 1000],
] as const) {
  const sizes = `${left} × ${right}`;

  for (const [scheme, refusal] of [
    ["rfc9611", "TS_MAX_QUEUE"],
    ["stub", "TS_UNACCEPTABLE"],
  ] as const) {
    test(`${scheme}, ${sizes}: the small end admits four, the others re-steer to them evenly, and few are refused`, () => {
      const pair = pairOf(scheme, left, right);
      const [small, large] = left < right ? [pair.left, pair.right] : [pair.right, pair.left];
      for (const worker of large.workers.all) pair.send(large.side, worker.cpu);
      pair.settle();
      pair.sendEverywhere();
      checkEveryCpuSends(pair);
      assert.equal(small.live.length, 4);
      assert.deepEqual(loadsOf(small), [2, 2]);
      const stubs = large.group.view().cpus.flatMap(({ entry }) => (entry.kind === "stub" ? [entry.owner] : []));
      const owners = new Set(stubs);
      for (const owner of owners) {
        const load = stubs.filter((each) => each === owner).length;
        assert.ok(Math.abs(load - stubs.length / owners.size) <= 1, `CPU ${owner} seals for ${load} others`);
      }
      assert.equal(ownersOf(large) + stubs.length, 1000);
      assert.ok(large.reports.some((text) => text.includes(refusal)));
      // Those under way when the first refusal came, and no others.
      assert.ok(large.rules.requests <= 4 + large.config.timing.maxPendingCreates, `${large.rules.requests} requests`);
      assert.match(large.group.view().cpus.find(({ entry }) => entry.kind === "stub")?.why ?? "", new RegExp(refusal));
    });
  }

  test(`cpu-queues, ${sizes}: one SA for all, with the reason at both ends`, () => {
    const pair = pairOf("cpu-queues", left, right);
    pair.sendEverywhere();
    checkEveryCpuSends(pair);
    assert.equal(pair.left.live.length, 1);
    assert.deepEqual(
      pair.ends.map(({ group }) => group.mode),
      ["single", "single"],
    );
    assert.match(pair.left.group.view().reason ?? "", /did not answer CPU_QUEUES.*out of proportion/);
    assert.match(pair.right.group.view().reason ?? "", /out of proportion/);
    assert.equal(pair.left.rules.requests + pair.right.rules.requests, 0);
  });
}
