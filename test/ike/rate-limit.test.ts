import assert from "node:assert/strict";
import { test } from "node:test";
import { RateLimit, SourceRateLimit } from "../../src/ike/rate-limit.ts";

test("a burst passes at once, then the rate", () => {
  const limit = new RateLimit({ perSecond: 10, burst: 5 }, 0);
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

test("each source has a bucket of its own, and only so many are remembered", () => {
  const limit = new SourceRateLimit({ perSecond: 1, burst: 2 });
  const tries = (address: string): boolean[] => [1, 2, 3].map(() => limit.allows(address, 0));
  assert.deepEqual(tries("192.0.2.1"), [true, true, false]);
  assert.deepEqual(tries("192.0.2.2"), [true, true, false]);
  for (let index = 0; index < 1023; index++) limit.allows(`2001:db8:0:${index}::1`, 0);
  assert.equal(limit.allows("192.0.2.2", 0), false, "the last 1024 are remembered");
  assert.equal(limit.allows("192.0.2.1", 0), true, "who has not been heard of for longest is not");
});

test("all of an IPv6 /64 has one bucket, as who has one address of it has them all", () => {
  const limit = new SourceRateLimit({ perSecond: 1, burst: 2 });
  const tries = (network: string): boolean[] => [1, 2, 3].map((host) => limit.allows(`${network}::${host}`, 0));
  assert.deepEqual(tries("2001:db8:0:1"), [true, true, false]);
  assert.deepEqual(tries("2001:db8:0:2"), [true, true, false]);
});
