import assert from "node:assert/strict";
import { test } from "node:test";
import { SocketTurns } from "../../src/dataplane/worker/socket-turns.ts";

/** Of `rounds` rounds, in how many the socket is looked at; it never has anything. */
function looks(turns: SocketTurns, socket: number, rounds: number): number {
  let count = 0;
  for (let i = 0; i < rounds; i++) {
    if (!turns.isDue(socket)) continue;
    turns.note(socket, false);
    count++;
  }
  return count;
}

test("a socket that had something lately is looked at in every round", () => {
  const turns = new SocketTurns();
  for (let i = 0; i < 1000; i++) {
    assert.ok(turns.isDue(0));
    turns.note(0, i % 60 === 0);
  }
});

test("one that is dry for long is looked at in one round of sixteen, and what it has then makes it lively again", () => {
  const turns = new SocketTurns();
  looks(turns, 0, 64);
  assert.equal(looks(turns, 0, 1600), 100);
  while (!turns.isDue(0));
  turns.note(0, true);
  assert.equal(looks(turns, 0, 64), 64);
});

test("one that poll(2) names is looked at at once, and another is left alone", () => {
  const turns = new SocketTurns();
  for (const socket of [0, 1]) looks(turns, socket, 65);
  turns.wake(1);
  assert.deepEqual([turns.isDue(0), turns.isDue(1)], [false, true]);
});
