import assert from "node:assert/strict";
import { test } from "node:test";
import { BlockTimes, interleave, ratio, summarize } from "../../bench/measure.ts";

test("the median of an even number of values lies between the two in the middle", () => {
  assert.deepEqual(summarize([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
  assert.deepEqual(summarize([9]), { median: 9, min: 9, max: 9 });
});

test("a figure without measurements, or with one that is no number, is refused", () => {
  assert.throws(() => summarize([]), RangeError);
  assert.throws(() => summarize([1, NaN]), RangeError);
  assert.throws(() => summarize([1, Infinity]), RangeError);
});

test("a ratio is taken turn by turn, and needs both parts of every turn", () => {
  // The machine was half as fast in the second turn: the ratio does not see it.
  assert.deepEqual(ratio([10, 20], [5, 10]), { median: 2, min: 2, max: 2 });
  assert.throws(() => ratio([1, 2], [1]), RangeError);
  assert.throws(() => ratio([], []), RangeError);
  assert.throws(() => ratio([1], [NaN]), RangeError);
});

test("one block that took a thousand times as long does not move the cost", () => {
  const times = new BlockTimes();
  for (let i = 0; i < 9; i++) times.add(320n, 32);
  times.add(320_000n, 32);
  assert.equal(times.median, 10);
});

test("works are timed in turn after a warm-up", () => {
  const order: string[] = [];
  const work = (name: string) => (): number => {
    if (order.at(-1) !== name) order.push(name);
    return 1;
  };
  const times = interleave({ a: work("a"), b: work("b") }, 2, 0.01);
  assert.deepEqual(order, ["a", "b", "a", "b", "a", "b"]);
  assert.equal(times.a.length, 2);
  assert.ok(times.b.every((value) => value > 0));
});
