import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestWindow } from "../../src/ike/request-window.ts";

const answer = (n: number): readonly Uint8Array[] => [Uint8Array.of(n)];

test("a request is new once; repeated, it gets the same datagrams", () => {
  const window = new RequestWindow(1, 0);
  assert.deepEqual(window.classify(0), { kind: "new" });
  window.answered(0, answer(7));
  assert.deepEqual(window.classify(0), { kind: "repeated", response: answer(7) });
  assert.deepEqual(window.classify(1), { kind: "new" });
});

test("a window of one keeps the last answer only", () => {
  const window = new RequestWindow(1, 0);
  for (let id = 0; id < 3; id++) window.answered(id, answer(id));
  assert.deepEqual(window.classify(0), { kind: "outside" });
  assert.deepEqual(window.classify(1), { kind: "outside" });
  assert.equal(window.classify(2).kind, "repeated");
});

test("requests within the window may come in any order, those beyond it not at all", () => {
  const window = new RequestWindow(4, 5);
  assert.equal(window.classify(4).kind, "outside");
  assert.equal(window.classify(8).kind, "new");
  assert.equal(window.classify(9).kind, "outside");
  window.answered(8, answer(8));
  assert.equal(window.classify(9).kind, "outside", "the oldest one is still missing");
  for (const id of [6, 5]) window.answered(id, answer(id));
  assert.equal(window.classify(7).kind, "new");
  assert.equal(window.classify(10).kind, "new");
  assert.equal(window.classify(11).kind, "outside");
  assert.equal(window.classify(8).kind, "repeated");
});

test("a request says which answers have arrived: those that the peer's window has left behind", () => {
  assert.equal(new RequestWindow(1, 0).deliveredBefore(5), 5);
  assert.equal(new RequestWindow(4, 0).deliveredBefore(5), 2);
  assert.equal(new RequestWindow(4, 1).deliveredBefore(2), 2, "the first answer: until it has it, the peer knows of no window");
  assert.equal(new RequestWindow(4, 1).deliveredBefore(1), 1);
});
