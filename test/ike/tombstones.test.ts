import assert from "node:assert/strict";
import { test } from "node:test";
import { Tombstones } from "../../src/ike/tombstones.ts";
import { ikeSpi } from "../../src/wire/ike-header.ts";

const last = (n: number): { request: Uint8Array; response: readonly Uint8Array[] } => ({
  request: Uint8Array.of(n),
  response: [Uint8Array.of(n, n)],
});

test("the very same request gets the same answer for a minute", () => {
  const stones = new Tombstones();
  stones.add(ikeSpi(1n), last(1), 0);
  assert.deepEqual(stones.answerTo(ikeSpi(1n), Uint8Array.of(1), 59_999), [Uint8Array.of(1, 1)]);
  assert.equal(stones.answerTo(ikeSpi(1n), Uint8Array.of(2), 0), undefined);
  assert.equal(stones.answerTo(ikeSpi(2n), Uint8Array.of(1), 0), undefined);
  assert.equal(stones.answerTo(ikeSpi(1n), Uint8Array.of(1), 60_000), undefined);
  assert.equal(stones.has(ikeSpi(1n), 60_000), false);
});

test("the request is kept, not looked at in the sender's buffer", () => {
  const stones = new Tombstones();
  const mine = last(1);
  stones.add(ikeSpi(1n), mine, 0);
  mine.request[0] = 99;
  assert.notEqual(stones.answerTo(ikeSpi(1n), Uint8Array.of(1), 0), undefined);
});

test("there are never more than a thousand", () => {
  const stones = new Tombstones();
  for (let n = 1; n <= 1500; n++) stones.add(ikeSpi(BigInt(n)), last(1), 0);
  let count = 0;
  for (let n = 1; n <= 1500; n++) if (stones.has(ikeSpi(BigInt(n)), 1)) count++;
  assert.equal(count, 1000);
  assert.ok(stones.has(ikeSpi(1500n), 1), "the newest are kept");
});
