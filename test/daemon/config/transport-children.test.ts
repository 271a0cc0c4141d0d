import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../src/daemon/config/load.ts";
import { ConfigError } from "../../../src/daemon/config/problems.ts";
import { formatConfiguredSelector } from "../../../src/ipsec/dynamic-selectors.ts";

const WITHOUT_CHOICE = {
  local_addrs: "192.0.2.1",
  remote_addrs: "192.0.2.2",
  local_ts: "dynamic",
  remote_ts: "dynamic",
  start_action: "trap",
};

function configuration(keys: Partial<typeof WITHOUT_CHOICE> = {}): string {
  const { local_addrs, remote_addrs, local_ts, remote_ts, start_action } = { ...WITHOUT_CHOICE, ...keys };
  return `connections:
  west:
    local_addrs: [${local_addrs}]
    remote_addrs: [${remote_addrs}]
    local: { id: west.example }
    remote: { id: east.example }
    children:
      host:
        mode: transport
        local_ts: [${local_ts}]
        remote_ts: [${remote_ts}]
        start_action: ${start_action}
secrets:
  ike-east: { secret: "correct horse battery staple" }
`;
}

function selectorsOf(text: string): [local: string[], remote: string[]] {
  const child = parseConfig("h.yaml", text).endpoint.connections[0]?.children[0];
  assert.ok(child !== undefined);
  assert.equal(child.mode, "transport");
  return [child.localTs.map(formatConfiguredSelector), child.remoteTs.map(formatConfiguredSelector)];
}

test("dynamic is the addresses of the connection, with its ports", () => {
  assert.deepEqual(selectorsOf(configuration()), [["192.0.2.1/32"], ["192.0.2.2/32"]]);
  const both = configuration({ local_addrs: '192.0.2.1, "2001:db8::1"', remote_ts: '"dynamic[tcp/443]"' });
  assert.deepEqual(selectorsOf(both), [["192.0.2.1/32", "2001:db8::1/128"], ["192.0.2.2/32[tcp/443]"]]);
});

test("and stays, where peers come from anywhere, or our own address is any", () => {
  assert.deepEqual(selectorsOf(configuration({ local_addrs: '"%any"' })), [["dynamic"], ["192.0.2.2/32"]]);
  const anybody = configuration({ local_addrs: '"%any"', remote_addrs: "192.0.2.0/24", start_action: "none" });
  assert.deepEqual(selectorsOf(anybody), [["dynamic"], ["dynamic"]]);
});

test("an address of either end may be named, also one of many that a peer may have", () => {
  assert.deepEqual(selectorsOf(configuration({ local_ts: "192.0.2.1", remote_ts: "192.0.2.2" })), [["192.0.2.1/32"], ["192.0.2.2/32"]]);
  const named = configuration({ remote_addrs: "192.0.2.0/24", remote_ts: "192.0.2.7", start_action: "none" });
  assert.deepEqual(selectorsOf(named)[1], ["192.0.2.7/32"]);
});

test("networks and strangers cannot be selected, and a packet must know whom to ask", () => {
  const cases: readonly (readonly [Partial<typeof WITHOUT_CHOICE>, RegExp])[] = [
    [
      { local_ts: "10.1.0.0/16" },
      /^h\.yaml:10: .*\.host\.local_ts: 10\.1\.0\.0\/16 is not an address of this host in local_addrs: transport mode is between the two hosts alone; use dynamic, or mode: tunnel\.$/m,
    ],
    [{ remote_ts: "192.0.2.3" }, /^h\.yaml:11: .*\.host\.remote_ts: 192\.0\.2\.3\/32 is not an address of the peer in remote_addrs: /m],
    [{ remote_addrs: '192.0.2.2, "%any"' }, /^h\.yaml:11: .*\.host\.remote_ts: A packet can ask only if it is known for whom: /m],
  ];
  for (const [keys, expected] of cases) {
    assert.throws(
      () => parseConfig("h.yaml", configuration(keys)),
      (error) => error instanceof ConfigError && expected.test(error.message),
      JSON.stringify(keys),
    );
  }
});

test("a tunnel to the peer's own address is told of transport mode", () => {
  const tunnel = configuration({ local_ts: "192.0.2.1", remote_ts: "192.0.2.2" }).replace("mode: transport", "mode: tunnel");
  assert.throws(() => parseConfig("h.yaml", tunnel), /192\.0\.2\.2\/32 is the peer's own address.* or use mode: transport\./);
});
