import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceNetwork } from "../../src/ike/source-network.ts";

for (const [address, network] of [
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::1", "2001:db8:1:2::/64"],
  ["2001:db8:1:3::1", "2001:db8:1:3::/64"],
  ["::1", "::/64"],
  ["fe80::1", "fe80::/64"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::ffff:c000:202", "192.0.2.2"],
] as const) {
  test(`${address} is judged as ${network}`, () => assert.equal(sourceNetwork(address), network));
}
