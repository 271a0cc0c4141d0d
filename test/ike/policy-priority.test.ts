import assert from "node:assert/strict";
import { test } from "node:test";
import { groupPriority, trapPriority } from "../../src/ike/policy-priority.ts";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";

const priority = (local: string, remote: string): number => groupPriority([parsePrefix(local)], [parsePrefix(remote)]);

test("the more specific goes first", () => {
  const order = ["10.0.0.1/32[tcp/80]", "10.0.0.1/32[tcp]", "10.0.0.1/32", "10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0"];
  const priorities = order.map((remote) => priority("10.9.0.0/16", remote));
  assert.deepEqual(
    priorities,
    [...priorities].sort((a, b) => a - b),
  );
  assert.equal(new Set(priorities).size, priorities.length);
});

test("every group goes before every trap", () => {
  const everything = [parsePrefix("::/0")];
  const oneFlow = [parsePrefix("2001:db8::1[tcp/80]")];
  assert.ok(groupPriority(everything, everything) < trapPriority(oneFlow, oneFlow));
});

test("of several selectors the widest counts", () => {
  const several = [parsePrefix("10.0.0.1"), parsePrefix("10.0.0.0/8")];
  assert.equal(groupPriority(several, several), priority("10.0.0.0/8", "10.0.0.0/8"));
});
