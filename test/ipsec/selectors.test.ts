import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { contains, equalSelectorSets, intersect, matches, narrow, selectorSetKey, type SelectorKey } from "../../src/ipsec/selectors.ts";
import {
  ANY_PORTS,
  OPAQUE_PORTS,
  formatTrafficSelector,
  parseAddress,
  parsePrefix,
  type TrafficSelector,
} from "../../src/wire/traffic-selector.ts";

const SEED = Number(process.env["IPSEC_SEED"] ?? 9611);

const ts = (...texts: string[]): TrafficSelector[] => texts.map(parsePrefix);
const text = (selectors: readonly TrafficSelector[]): string[] => selectors.map(formatTrafficSelector);

function key(address: string, protocol: number, port: number | undefined): SelectorKey {
  const { family, value } = parseAddress(address);
  return { family, address: value, protocol, port };
}

/** Few values, so that selectors meet each other often. */
const arbitrarySelector: fc.Arbitrary<TrafficSelector> = fc
  .record({
    family: fc.constantFrom(4 as const, 6 as const),
    protocol: fc.constantFrom(0, 0, 6, 17),
    ports: fc.oneof(
      fc.constant(ANY_PORTS),
      fc.constant(OPAQUE_PORTS),
      fc.tuple(fc.nat(4), fc.nat(4)).map(([a, b]) => ({ startPort: Math.min(a, b), endPort: Math.max(a, b) })),
    ),
    range: fc.tuple(fc.nat(6), fc.nat(6)).map(([a, b]) => ({ start: BigInt(Math.min(a, b)), end: BigInt(Math.max(a, b)) })),
  })
  .map(({ family, protocol, ports, range }) => ({ family, protocol, ...ports, ...range }));

/** Every packet that such selectors can tell apart. */
const PACKETS: readonly SelectorKey[] = ([4, 6] as const).flatMap((family) =>
  [1, 6, 17].flatMap((protocol) =>
    [undefined, 0, 1, 2, 3, 4, 5].flatMap((port) =>
      Array.from({ length: 8 }, (_, address) => ({ family, protocol, port, address: BigInt(address) })),
    ),
  ),
);

const check = (property: fc.IProperty<[TrafficSelector[], TrafficSelector[]]>): void => fc.assert(property, { seed: SEED, numRuns: 300 });
const selectorSets = fc.array(arbitrarySelector, { minLength: 1, maxLength: 3 });

describe("one selector with another", () => {
  test("addresses, protocol and ports all narrow", () => {
    const [a, b] = ts("10.0.0.0/8[tcp]", "10.1.0.0-10.1.0.9[tcp/80-90]");
    assert.deepEqual(text([intersect(a!, b!)!]), ["10.1.0.0-10.1.0.9[tcp/80-90]"]);
    assert.equal(contains(a!, b!), true);
    assert.equal(contains(b!, a!), false);
  });

  test("nothing in common: other family, other protocol, ranges that only touch", () => {
    for (const [a, b] of [
      ["10.0.0.0/8", "fd00::/8"],
      ["10.0.0.0/8[tcp]", "10.0.0.0/8[udp]"],
      ["10.0.0.0-10.0.0.4", "10.0.0.5-10.0.0.9"],
      ["10.0.0.0/8[tcp/1-5]", "10.0.0.0/8[tcp/6-9]"],
      ["10.0.0.0/8[tcp/1-5]", "10.0.0.0/8[tcp/opaque]"],
    ] as const) {
      assert.equal(intersect(parsePrefix(a), parsePrefix(b)), undefined, `${a} and ${b}`);
    }
  });

  test("any ports include OPAQUE (RFC 7296 §3.13.1)", () => {
    const [any, opaque] = ts("10.0.0.0/8[tcp]", "10.0.0.0/8[tcp/opaque]");
    assert.deepEqual(intersect(any!, opaque!), opaque);
    assert.equal(contains(any!, opaque!), true);
    assert.equal(contains(opaque!, any!), false);
  });

  test("an intersection covers exactly the packets that both cover", () => {
    check(
      fc.property(selectorSets, selectorSets, ([a], [b]) => {
        const common = intersect(a!, b!);
        for (const packet of PACKETS) {
          const expected = matches([a!], packet) && matches([b!], packet);
          assert.equal(common !== undefined && matches([common], packet), expected);
        }
      }),
    );
  });

  test("what contains another covers all its packets", () => {
    check(
      fc.property(selectorSets, selectorSets, ([a], [b]) => {
        if (contains(a!, b!)) for (const packet of PACKETS) if (matches([b!], packet)) assert.equal(matches([a!], packet), true);
      }),
    );
  });
});

describe("narrowing (RFC 7296 §2.9)", () => {
  test("the whole proposal is accepted where policy allows it", () => {
    assert.deepEqual(text(narrow(ts("10.0.0.0/8"), ts("10.1.0.0/16", "10.2.0.0/16"))), ["10.1.0.0/16", "10.2.0.0/16"]);
  });

  test("what policy does not allow is cut off", () => {
    assert.deepEqual(text(narrow(ts("10.1.0.0/16"), ts("10.0.0.0/8"))), ["10.1.0.0/16"]);
    assert.deepEqual(text(narrow(ts("10.1.0.0/16[tcp]"), ts("10.0.0.0/8[tcp/443]", "fd00::/64"))), ["10.1.0.0/16[tcp/443]"]);
  });

  test("the selector of the packet that asked is covered first", () => {
    const answer = narrow(ts("10.1.0.0/16", "10.2.0.0/16"), ts("10.2.0.7/32[tcp/80]", "10.0.0.0/8"));
    assert.deepEqual(text(answer), ["10.2.0.0/16", "10.1.0.0/16"]);
  });

  test("a specific selector that policy allows alone is the answer", () => {
    assert.deepEqual(text(narrow(ts("10.2.0.7/32[tcp/80]"), ts("10.2.0.7/32[tcp/80]", "10.0.0.0/8"))), ["10.2.0.7/32[tcp/80]"]);
  });

  test("nothing in common: no answer, TS_UNACCEPTABLE", () => {
    assert.deepEqual(narrow(ts("10.0.0.0/8"), ts("192.0.2.0/24", "fd00::/64")), []);
  });

  test("covers exactly what both sets cover, without a superfluous selector", () => {
    check(
      fc.property(selectorSets, selectorSets, (configured, proposed) => {
        const answer = narrow(configured, proposed);
        for (const packet of PACKETS) assert.equal(matches(answer, packet), matches(configured, packet) && matches(proposed, packet));
        answer.forEach((one, i) => assert.ok(!answer.some((other, j) => i !== j && contains(other, one))));
      }),
    );
  });

  test("of what the first selector has in common with policy, all is in the first places that have anything of it", () => {
    check(
      fc.property(selectorSets, selectorSets, (configured, proposed) => {
        const answer = narrow(configured, proposed);
        const favoured = configured.flatMap((ours) => intersect(ours, proposed[0]!) ?? []);
        if (favoured.length > 0) assert.ok(intersect(answer[0]!, proposed[0]!) !== undefined);
        for (const one of favoured) assert.ok(answer.some((kept) => contains(kept, one)));
      }),
    );
  });
});

describe("packets", () => {
  test("a packet without ports to see matches any ports and OPAQUE only", () => {
    const fragment = key("10.0.0.1", 6, undefined);
    assert.equal(matches(ts("10.0.0.0/8[tcp]"), fragment), true);
    assert.equal(matches(ts("10.0.0.0/8[tcp/opaque]"), fragment), true);
    assert.equal(matches(ts("10.0.0.0/8[tcp/0-80]"), fragment), false);
  });

  test("a packet with ports does not match OPAQUE", () => {
    assert.equal(matches(ts("10.0.0.0/8[tcp/opaque]"), key("10.0.0.1", 6, 80)), false);
  });

  test("an IPv4 address is not the IPv6 address of the same value", () => {
    assert.equal(matches(ts("::/0"), key("10.0.0.1", 6, 80)), false);
    assert.equal(matches(ts("0.0.0.0/0"), key("::a00:1", 6, 80)), false);
  });
});

describe("selector sets", () => {
  test("have one key in any order, and another for another set", () => {
    const [a, b] = [ts("10.1.0.0/16", "10.2.0.0/16"), ts("10.2.0.0/16", "10.1.0.0/16")];
    assert.equal(equalSelectorSets(a, b), true);
    assert.equal(selectorSetKey(a, ts("fd00::/64")), selectorSetKey(b, ts("fd00::/64")));
    assert.notEqual(selectorSetKey(a, b), selectorSetKey(a, ts("10.2.0.0/16")));
    assert.equal(equalSelectorSets(a, ts("10.1.0.0/16", "10.2.0.0/16[tcp]")), false);
  });

  test("local and remote are not exchanged", () => {
    const [a, b] = [ts("10.1.0.0/16"), ts("10.2.0.0/16")];
    assert.notEqual(selectorSetKey(a, b), selectorSetKey(b, a));
  });
});
