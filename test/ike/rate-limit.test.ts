import assert from "node:assert/strict";
import { test } from "node:test";
import { RateLimit } from "../../src/ike/rate-limit.ts";

test("a burst passes at once, then the rate", () => {
  const limit = new RateLimit(10, 5, 0);
  const allowed = (from: number, to: number, step: number): number => {
    let count = 0;
    for (let now = from; now < to; now += step) if (limit.allows(now)) count++;
    return count;
  };
  assert.equal(allowed(0, 1, 0.01), 5);
  assert.equal(allowed(1, 1001, 1), 10);
  assert.equal(limit.allows(60_000), true);
  assert.equal(allowed(60_000, 60_001, 0.01), 4, "what is not used is not saved up beyond the burst");
});
