import assert from "node:assert/strict";
import { test } from "node:test";
import { TimerQueue } from "../../src/ike/timers.ts";
import { seededRandom } from "./harness/random.ts";

test("timers fire in order of time, ties in order of their making", () => {
  const queue = new TimerQueue();
  const fired: string[] = [];
  for (const [name, at] of Object.entries({ c: 30, a: 10, b: 20, a2: 10 })) queue.schedule(at, "retry", () => fired.push(name));
  queue.fire(20);
  assert.deepEqual(fired, ["a", "a2", "b"]);
  assert.deepEqual(queue.next()?.at, 30);
});

test("a cancelled timer never fires, and is not what the queue waits for", () => {
  const queue = new TimerQueue();
  let fired = 0;
  const early = queue.schedule(10, "dpd", () => fired++);
  queue.schedule(20, "retransmit", () => fired++);
  early.cancel();
  early.cancel();
  assert.deepEqual({ at: queue.next()?.at, reason: queue.next()?.reason }, { at: 20, reason: "retransmit" });
  queue.fire(100);
  assert.equal(fired, 1);
  assert.equal(queue.next(), undefined);
});

test("what an action schedules for now runs in the same turn, what it cancels does not", () => {
  const queue = new TimerQueue();
  const fired: string[] = [];
  queue.schedule(1, "retry", (now) => {
    fired.push("first");
    victim.cancel();
    queue.schedule(now, "retry", () => fired.push("second"));
  });
  const victim = queue.schedule(1, "retry", () => fired.push("victim"));
  queue.fire(1);
  assert.deepEqual(fired, ["first", "second"]);
});

test("against a sorted list: thousands of timers, most of them cancelled", () => {
  const random = seededRandom(7);
  const queue = new TimerQueue();
  const fired: number[] = [];
  const kept: number[] = [];
  for (let index = 0; index < 5000; index++) {
    const at = random.below(1000);
    const timer = queue.schedule(at, "retry", () => fired.push(at));
    if (random.chance(0.8)) timer.cancel();
    else kept.push(at);
  }
  queue.fire(1000);
  assert.deepEqual(
    fired,
    kept.sort((a, b) => a - b),
  );
});
