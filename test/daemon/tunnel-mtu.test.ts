import assert from "node:assert/strict";
import { test } from "node:test";
import { MIN_TUNNEL_MTU, tunnelMtu } from "../../src/daemon/tunnel-mtu.ts";

/** What RFC 4303 §2 and RFC 3948 §2.1 make of an inner packet of `inner` octets. */
function outerLength(inner: number, family: 4 | 6): number {
  const padded = Math.ceil((inner + 2) / 4) * 4;
  return (family === 4 ? 20 : 40) + 8 + 8 + 8 + padded + 16;
}

test("a packet of the tunnel's MTU just fits the path", () => {
  for (const family of [4, 6] as const) {
    for (let outer = 1280; outer <= 9000; outer++) {
      const mtu = tunnelMtu(outer, family);
      assert.ok(outerLength(mtu, family) <= outer, `${mtu} does not fit ${outer}`);
      assert.ok(outerLength(mtu + 1, family) > outer, `${mtu + 1} would fit ${outer}`);
    }
  }
});

test("Ethernet leaves 1438 octets over IPv4 and 1418 over IPv6", () => {
  assert.equal(tunnelMtu(1500, 4), 1438);
  assert.equal(tunnelMtu(1500, 6), 1418);
});

test("a tiny path leaves no less than every host must take", () => {
  assert.equal(tunnelMtu(296, 4), MIN_TUNNEL_MTU);
});
