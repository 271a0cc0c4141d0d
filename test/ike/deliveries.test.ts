import assert from "node:assert/strict";
import { test } from "node:test";
import { Deliveries } from "../../src/ike/deliveries.ts";
import { TimerQueue } from "../../src/ike/timers.ts";

function setUp() {
  const timers = new TimerQueue();
  const delivered: string[] = [];
  const deliveries = new Deliveries<string>(timers, (made, now) => delivered.push(`${made}@${now}`));
  return { timers, delivered, deliveries };
}

test("a later request shows which answers have arrived", () => {
  const { delivered, deliveries } = setUp();
  deliveries.add(1, "a", 0);
  deliveries.add(2, "b", 0);
  deliveries.deliverBelow(2, 5);
  assert.deepEqual(delivered, ["a@5"]);
  deliveries.deliverBelow(3, 6);
  deliveries.deliverBelow(3, 7);
  assert.deepEqual(delivered, ["a@5", "b@6"]);
});

test("without one, patience counts from the last repetition", () => {
  const { timers, delivered, deliveries } = setUp();
  deliveries.add(1, "quiet", 0);
  deliveries.add(2, "asked again", 0);
  deliveries.repeated(2, 7000);
  timers.fire(9999);
  assert.deepEqual(delivered, []);
  timers.fire(10_000);
  assert.deepEqual(delivered, ["quiet@10000"]);
  timers.fire(19_999);
  assert.equal(delivered.length, 1);
  timers.fire(20_000);
  assert.deepEqual(delivered, ["quiet@10000", "asked again@20000"]);
  assert.equal(timers.next(), undefined, "nothing is waited for any more");
});

test("stopped, it gives back what is pending, and no timer is left", () => {
  const { timers, deliveries } = setUp();
  deliveries.add(1, "a", 0);
  assert.deepEqual(deliveries.stop(), ["a"]);
  assert.deepEqual(deliveries.stop(), []);
  assert.equal(timers.next(), undefined);
});
