import assert from "node:assert/strict";
import { test } from "node:test";
import { Members, type Member, type NewMember } from "../../src/multisa/members.ts";
import { cpu, sa } from "./harness/build.ts";

function add(members: Members, id: number, more: Partial<NewMember> = {}): Member {
  return members.add({ sa: sa(id), cpu: cpu(0), shared: false, role: "initiator", confirmed: true, predecessor: undefined, ...more });
}

test("of two SAs on one CPU the one that we asked for is sent on, whichever came first", () => {
  const members = new Members();
  add(members, 1, { role: "responder" });
  add(members, 2);
  assert.equal(members.ownOf(cpu(0))?.sa, 2);
  add(members, 3);
  assert.equal(members.ownOf(cpu(0))?.sa, 2, "the older of two of ours");
});

test("a rekey changes nothing about whose an SA is", () => {
  const members = new Members();
  add(members, 1, { role: "responder" });
  const ours = add(members, 2);
  add(members, 3, { role: "responder", predecessor: ours });
  assert.equal(members.ownOf(cpu(0))?.sa, 3);
  members.remove(sa(2));
  assert.equal(members.ownOf(cpu(0))?.sa, 3);
});

test("the newer of a line is sent on as soon as the peer has it", () => {
  const members = new Members();
  const old = add(members, 1);
  add(members, 2, { confirmed: false, predecessor: old });
  assert.equal(members.ownOf(cpu(0))?.sa, 1);
  members.confirm(sa(2));
  assert.equal(members.ownOf(cpu(0))?.sa, 2);
  members.remove(sa(2));
  assert.equal(members.ownOf(cpu(0))?.sa, 1);
});

test("a rekey in progress counts as one SA, and is no vacancy when its old half goes", () => {
  const members = new Members();
  const old = add(members, 1);
  const successor = add(members, 2, { predecessor: old });
  add(members, 3);
  assert.equal(members.size, 3);
  assert.equal(members.loadOf(cpu(0)), 2);
  assert.equal(members.hasRelative(successor), true);
  members.remove(sa(1));
  assert.equal(members.hasRelative(successor), false);
  assert.equal(members.loadOf(cpu(0)), 2);
});

test("an SA for all CPUs is no CPU's own, and counts for none", () => {
  const members = new Members();
  add(members, 1, { shared: true });
  assert.equal(members.ownOf(cpu(0)), undefined);
  assert.equal(members.loadOf(cpu(0)), 0);
  assert.equal(members.shared?.sa, 1);
});

test("what is being closed still counts, and neither is used nor takes anybody's place", () => {
  const members = new Members();
  const first = add(members, 1);
  add(members, 2, { cpu: cpu(1) });
  assert.equal(
    members.hasOther(first, () => true),
    true,
  );
  members.close(sa(2));
  assert.equal(members.size, 2);
  assert.equal(members.ownOf(cpu(1)), undefined);
  assert.equal(members.loadOf(cpu(1)), 0);
  assert.equal(
    members.hasOther(first, () => true),
    false,
  );
});

test("what is not there can be removed, confirmed and closed without harm", () => {
  const members = new Members();
  assert.equal(members.remove(sa(9)), undefined);
  members.confirm(sa(9));
  members.close(sa(9));
  assert.equal(members.size, 0);
});
