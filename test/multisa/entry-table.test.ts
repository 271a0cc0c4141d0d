import assert from "node:assert/strict";
import { test } from "node:test";
import { EntryTable } from "../../src/multisa/entry-table.ts";
import { cpu, none, own, sa, shared, stub } from "./harness/build.ts";

test("a new policy has none, and asks: that need not be sent", () => {
  const table = new EntryTable();
  assert.deepEqual(table.get(cpu(0)), none(true));
  assert.equal(table.put(cpu(0), none(true)), false);
  assert.equal(table.put(cpu(0), none(false)), true);
});

test("what is there already is not sent again, what differs in anything is", () => {
  const table = new EntryTable();
  for (const entry of [
    own(sa(1)),
    own(sa(2)),
    shared(sa(2), true),
    shared(sa(2), false),
    stub(cpu(1), sa(2), false),
    stub(cpu(2), sa(2), false),
    stub(cpu(2), sa(3), false),
    stub(cpu(2), sa(3), true),
    none(true),
  ]) {
    assert.equal(table.put(cpu(0), entry), true, JSON.stringify(entry));
    assert.equal(table.put(cpu(0), entry), false, JSON.stringify(entry));
    assert.deepEqual(table.get(cpu(0)), entry);
  }
  assert.deepEqual(table.get(cpu(1)), none(true), "another CPU's");
});

test("an ACQUIRE is raised once: an entry that should ask again has to be sent again, one that should not, not", () => {
  const table = new EntryTable();
  table.put(cpu(0), stub(cpu(1), sa(1), true));
  table.acquired(cpu(0));
  assert.equal(table.put(cpu(0), stub(cpu(1), sa(1), false)), false, "it is silent already");
  assert.equal(table.put(cpu(0), stub(cpu(1), sa(1), true)), true);
  assert.equal(table.put(cpu(0), stub(cpu(1), sa(1), true)), false);
});

test("a packet that meets a new policy before anything was sent for it", () => {
  const table = new EntryTable();
  table.acquired(cpu(0));
  assert.equal(table.put(cpu(0), none(true)), true);
});

test("a forgotten CPU is as one that was never there", () => {
  const table = new EntryTable();
  table.put(cpu(0), own(sa(1)));
  table.forget(cpu(0));
  assert.deepEqual(table.get(cpu(0)), none(true));
});
