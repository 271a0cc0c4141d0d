import { strict as assert } from "node:assert";
import { test } from "node:test";
import { contains, equalSelectorSets, intersect, matches, narrow, selectorSetKey } from "../../src/ipsec/selectors.ts";
import type { SelectorKey } from "../../src/ipsec/selectors.ts";
import { OPAQUE_PORTS, parsePrefix } from "../../src/wire/traffic-selector.ts";
import type { TrafficSelector } from "../../src/wire/traffic-selector.ts";
import { seededRandom } from "../support/packets.ts";

const ts = parsePrefix;

/** Every packet side of a small world. */
const WORLD: SelectorKey[] = [4, 6].flatMap((family) =>
  [0n, 1n, 2n, 3n, 4n].flatMap((address) =>
    [6, 17].flatMap((protocol) => [undefined, 0, 1, 2, 3, 65535].map((port) => ({ family: family as 4 | 6, address, protocol, port }))),
  ),
);

function randomSelector(random: ReturnType<typeof seededRandom>): TrafficSelector {
  const start = random.below(5);
  const ports = [
    { startPort: 0, endPort: 65535 },
    OPAQUE_PORTS,
    { startPort: 1, endPort: 2 },
    { startPort: 2, endPort: 65535 },
    { startPort: 3, endPort: 3 },
  ];
  return {
    family: random.below(4) === 0 ? 6 : 4,
    protocol: [0, 6, 17][random.below(3)] ?? 0,
    ...(ports[random.below(ports.length)] ?? OPAQUE_PORTS),
    start: BigInt(start),
    end: BigInt(start + random.below(5 - start)),
  };
}

const covered = (selectors: readonly TrafficSelector[]): boolean[] => WORLD.map((key) => matches(selectors, key));

test("intersection, containment and narrowing agree with sets of packets, over random selectors", () => {
  const random = seededRandom(7296);
  for (let i = 0; i < 3000; i++) {
    const [a, b] = [randomSelector(random), randomSelector(random)];
    const both = intersect(a, b);
    const inBoth = WORLD.map((key) => matches([a], key) && matches([b], key));
    assert.deepEqual(both === undefined ? WORLD.map(() => false) : covered([both]), inBoth, `round ${i}`);
    if (contains(a, b)) assert.deepEqual(inBoth, covered([b]), `round ${i}`);
    const configured = Array.from({ length: 1 + random.below(3) }, () => randomSelector(random));
    const proposed = Array.from({ length: 1 + random.below(3) }, () => randomSelector(random));
    const answer = narrow(configured, proposed);
    assert.deepEqual(
      covered(answer),
      WORLD.map((key) => matches(configured, key) && matches(proposed, key)),
      `round ${i}`,
    );
    answer.forEach((one, n) =>
      answer.forEach((other, m) => assert.ok(n === m || !contains(one, other), `round ${i}: the answer repeats itself`)),
    );
  }
});

test("RFC 7296 §2.9.1: the packet's own selector is covered by the first of the answer", () => {
  const answer = narrow([ts("10.0.0.0/8"), ts("192.0.2.0/24")], [ts("192.0.2.9/32[tcp/80]"), ts("10.1.0.0/16"), ts("192.0.2.0/24")]);
  assert.deepEqual(answer, [ts("192.0.2.0/24"), ts("10.1.0.0/16")]);
});

test("nothing in common is an empty answer", () => {
  assert.deepEqual(narrow([ts("10.0.0.0/8")], [ts("192.0.2.0/24"), ts("2001:db8::/32")]), []);
  assert.deepEqual(narrow([ts("10.0.0.0/8[tcp]")], [ts("10.0.0.0/8[udp]")]), []);
});

test("selector sets are equal whatever their order", () => {
  const a = [ts("10.0.0.0/8"), ts("192.0.2.0/24")];
  const b = [ts("192.0.2.0/24"), ts("10.0.0.0/8")];
  assert.ok(equalSelectorSets(a, b));
  assert.equal(selectorSetKey(a, [ts("0.0.0.0/0")]), selectorSetKey(b, [ts("0.0.0.0/0")]));
  assert.notEqual(selectorSetKey(a, b), selectorSetKey([ts("10.0.0.0/8")], b));
});
