import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { containsAddress, destinationsOf, prefixesOf } from "../../src/daemon/network-prefixes.ts";
import { parseAddress, parsePrefix } from "../../src/wire/traffic-selector.ts";

test("a prefix stays one, a range becomes the fewest", () => {
  assert.deepEqual(prefixesOf(parsePrefix("10.1.0.0/16")), ["10.1.0.0/16"]);
  assert.deepEqual(prefixesOf(parsePrefix("192.0.2.7")), ["192.0.2.7/32"]);
  assert.deepEqual(prefixesOf(parsePrefix("10.0.0.1-10.0.0.6")), ["10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/31", "10.0.0.6/32"]);
  assert.deepEqual(prefixesOf(parsePrefix("fd00::/8")), ["fd00::/8"]);
  assert.deepEqual(prefixesOf(parsePrefix("255.255.255.254-255.255.255.255")), ["255.255.255.254/31"]);
});

test("all addresses are two halves, which leave the default route alone", () => {
  assert.deepEqual(prefixesOf(parsePrefix("0.0.0.0/0")), ["0.0.0.0/1", "128.0.0.0/1"]);
  assert.deepEqual(prefixesOf(parsePrefix("::/0")), ["::/1", "8000::/1"]);
});

test("the prefixes of a range cover it exactly, in order and without overlap", () => {
  const address = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n });
  fc.assert(
    fc.property(address, address, (a, b) => {
      const [start, end] = a <= b ? [a, b] : [b, a];
      let next = start;
      for (const prefix of prefixesOf({ family: 4, start, end })) {
        const block = parsePrefix(prefix);
        assert.equal(block.start, next);
        next = block.end + 1n;
      }
      assert.equal(next, end + 1n);
    }),
    { seed: 20261124, numRuns: 300 },
  );
});

test("selectors that differ in ports only are one destination", () => {
  assert.deepEqual(destinationsOf([parsePrefix("10.2.0.0/16[tcp/80]"), parsePrefix("10.2.0.0/16[udp]")]), ["10.2.0.0/16"]);
});

test("an address is looked for in its own family", () => {
  const everything = [parsePrefix("0.0.0.0/0")];
  assert.equal(containsAddress(everything, "10.0.0.1"), true);
  assert.equal(containsAddress(everything, "::1"), false);
  assert.equal(containsAddress([{ ...parsePrefix("10.0.0.0/8"), end: parseAddress("10.0.0.9").value }], "10.0.0.10"), false);
});
