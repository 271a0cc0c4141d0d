/** A rekeyed Child SA has the selectors of the old one (RFC 7296 §2.9.2): those that were agreed on, not those that are configured. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatTrafficSelector, parsePrefix } from "../../src/wire/traffic-selector.ts";
import { assertAgreement } from "./harness/assertions.ts";
import { LEFT_NET, RIGHT_NET } from "./harness/configs.ts";
import { establishedWorld, type World } from "./harness/world.ts";

const WIDE = [parsePrefix("10.0.0.0/8")];

/** Of the message that is next on the wire, which only the holders of its keys can read. */
function selectorsAskedFor(world: World): { readonly tsi: string[]; readonly tsr: string[] } {
  const [next] = world.wire;
  assert.ok(next !== undefined);
  const of = (type: "TSi" | "TSr"): string[] =>
    world.reader.payloads(next.octets).flatMap((payload) => (payload.type === type ? payload.selectors.map(formatTrafficSelector) : []));
  return { tsi: of("TSi"), tsr: of("TSr") };
}

function assertNarrow(world: World): void {
  const [left] = world.status(world.left).childSas;
  const [right] = world.status(world.right).childSas;
  assert.deepEqual([left?.localTs, left?.remoteTs], [[LEFT_NET], [RIGHT_NET]]);
  assert.deepEqual([right?.localTs, right?.remoteTs], [[RIGHT_NET], [LEFT_NET]]);
  assertAgreement(world);
}

describe("a Child SA that was narrowed", () => {
  // The end that has more in its configuration than was agreed on is the one that could ask for it.
  const narrowedBy = {
    "the left's configuration is wide": { left: { child: { localTs: WIDE, remoteTs: WIDE } }, right: {} },
    "the right's configuration is wide": { left: {}, right: { child: { localTs: WIDE, remoteTs: WIDE } } },
    "each is wide about the other's network": { left: { child: { remoteTs: WIDE } }, right: { child: { remoteTs: WIDE } } },
  };
  for (const [why, options] of Object.entries(narrowedBy)) {
    for (const side of ["left", "right"] as const) {
      test(`is rekeyed by the ${side} as it is: ${why}`, () => {
        const world = establishedWorld(options);
        assertNarrow(world);
        const asked = side === "left" ? { tsi: [LEFT_NET], tsr: [RIGHT_NET] } : { tsi: [RIGHT_NET], tsr: [LEFT_NET] };
        for (let round = 0; round < 2; round++) {
          world.rekeyChild(world.host(side));
          assert.deepEqual(selectorsAskedFor(world), asked);
          world.settle();
          assertNarrow(world);
          for (const host of world.hosts) assert.equal(world.pass(host, 0), undefined);
        }
      });
    }
  }
});
