/** Which entry each CPU should have, as a function of the members: preferences, and the fair share of stubs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { OutboundEntry } from "../../src/ipsec/sadb.ts";
import { planEntries, type CpuSituation } from "../../src/multisa/entries.ts";
import { Members, type NewMember } from "../../src/multisa/members.ts";
import { cpu, cpus, none, own, sa, shared, stub } from "./harness/build.ts";

const SEED = Number(process.env["GROUP_SEED"] ?? 9611);

const situation = (at: number, more: Partial<CpuSituation> = {}): CpuSituation => ({
  cpu: cpu(at),
  mayAsk: false,
  isAsking: false,
  waitsForOwn: false,
  current: none(true),
  ...more,
});

function membersOf(...all: (Partial<NewMember> & Pick<NewMember, "sa" | "cpu">)[]): Members {
  const members = new Members();
  for (const each of all) members.add({ shared: false, role: "initiator", confirmed: true, predecessor: undefined, ...each });
  return members;
}

const planOf = (members: Members, ...situations: CpuSituation[]): (OutboundEntry | undefined)[] => {
  const plan = planEntries(situations, members);
  return situations.map(({ cpu: at }) => plan.get(at));
};

test("own before shared before stub before none", () => {
  const both = membersOf({ sa: sa(1), cpu: cpu(0) }, { sa: sa(2), cpu: cpu(0), shared: true });
  assert.deepEqual(planOf(both, situation(0), situation(1)), [own(sa(1)), shared(sa(2), false)]);
  assert.deepEqual(planOf(membersOf({ sa: sa(1), cpu: cpu(0) }), situation(0), situation(1)), [own(sa(1)), stub(cpu(0), sa(1), false)]);
  assert.deepEqual(planOf(new Members(), situation(0, { mayAsk: true })), [none(true)]);
});

test("what the peer may not have is used only when there is nothing better anywhere", () => {
  const unconfirmed = { sa: sa(1), cpu: cpu(0), confirmed: false };
  assert.deepEqual(planOf(membersOf(unconfirmed), situation(0), situation(1)), [own(sa(1)), stub(cpu(0), sa(1), false)]);
  const better = membersOf(unconfirmed, { sa: sa(2), cpu: cpu(1) });
  assert.deepEqual(planOf(better, situation(0), situation(1)), [stub(cpu(1), sa(2), false), own(sa(2))]);
  const sharedOne = membersOf(unconfirmed, { sa: sa(2), cpu: cpu(1), shared: true });
  assert.deepEqual(planOf(sharedOne, situation(0), situation(1)), [shared(sa(2), false), shared(sa(2), false)]);
});

test("of SAs that the peer may not have, the oldest is used by all: it has had the most time to get there", () => {
  const both = membersOf({ sa: sa(1), cpu: cpu(0), confirmed: false }, { sa: sa(2), cpu: cpu(1), confirmed: false });
  assert.deepEqual(planOf(both, situation(0), situation(1)), [own(sa(1)), stub(cpu(0), sa(1), false)]);
  const fallback = membersOf({ sa: sa(1), cpu: cpu(0), confirmed: false, shared: true }, { sa: sa(2), cpu: cpu(1), confirmed: false });
  assert.deepEqual(planOf(fallback, situation(0), situation(1)), [shared(sa(1), false), shared(sa(1), false)]);
});

test("a CPU that waits for its own SA has none before, whatever others have", () => {
  const members = membersOf({ sa: sa(1), cpu: cpu(0) }, { sa: sa(2), cpu: cpu(0), shared: true });
  const waits = { waitsForOwn: true, mayAsk: true };
  assert.deepEqual(planOf(members, situation(0), situation(1, waits)), [own(sa(1)), none(true)]);
});

test("what is about to be closed is not used", () => {
  const members = membersOf({ sa: sa(1), cpu: cpu(0) }, { sa: sa(2), cpu: cpu(1) });
  members.close(sa(1));
  assert.deepEqual(planOf(members, situation(0), situation(1)), [stub(cpu(1), sa(2), false), own(sa(2))]);
});

test("a stub whose CPU may have its own SA soon stays where it is, fair or not", () => {
  const members = membersOf({ sa: sa(1), cpu: cpu(0) }, { sa: sa(2), cpu: cpu(1) });
  const asking = { isAsking: true, current: stub(cpu(0), sa(1), false) };
  const plan = planOf(members, situation(0), situation(1), ...[2, 3, 4].map((at) => situation(at, asking)));
  assert.deepEqual(plan.slice(2), Array<OutboundEntry>(3).fill(stub(cpu(0), sa(1), false)));
});

test("stubs lead to owners in fair shares, and those that need not move do not", () => {
  const setting = fc.record({ owners: fc.integer({ min: 1, max: 8 }), stubs: fc.integer({ min: 0, max: 40 }), seats: fc.array(fc.nat(9)) });
  fc.assert(
    fc.property(setting, ({ owners, stubs, seats }) => {
      const members = membersOf(...cpus(owners).map((at) => ({ sa: sa(100 + at), cpu: at })));
      const before = Array.from({ length: stubs }, (_, index) => {
        const seat = seats[index % Math.max(seats.length, 1)];
        return situation(owners + index, seat === undefined ? {} : { current: stub(cpu(seat), sa(100 + seat), false) });
      });
      const all = [...cpus(owners).map((at) => situation(at)), ...before];
      const plan = planEntries(all, members);
      assert.equal(plan.size, all.length, "an entry for each");
      const loads = new Map<number, number>();
      let moved = 0;
      for (const { cpu: at, current } of before) {
        const entry = plan.get(at);
        assert.equal(entry?.kind, "stub");
        assert.equal(entry.sa, sa(100 + entry.owner));
        loads.set(entry.owner, (loads.get(entry.owner) ?? 0) + 1);
        if (current.kind === "stub" && current.owner < owners && current.owner !== entry.owner) moved++;
      }
      const share = Math.ceil(stubs / owners);
      assert.ok(
        [...loads.values()].every((load) => load <= share),
        `shares ${[...loads.values()].join()} of ${stubs}`,
      );
      const surplus = cpus(owners).map((owner) => {
        const load = before.filter(({ current }) => current.kind === "stub" && current.owner === owner).length;
        return Math.max(load - share, 0);
      });
      assert.equal(
        moved,
        surplus.reduce((sum, each) => sum + each, 0),
        "only what was too much moves",
      );
      const again = planEntries(
        all.map((each) => ({ ...each, current: plan.get(each.cpu) ?? none(true) })),
        members,
      );
      assert.deepEqual(again, plan, "and nothing the second time");
    }),
    { seed: SEED, numRuns: 300 },
  );
});
