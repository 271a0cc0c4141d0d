import assert from "node:assert/strict";
import { test } from "node:test";
import { ExitCode } from "../../src/daemon/exit-codes.ts";
import { localAddresses, presentAddresses } from "../../src/daemon/local-addresses.ts";
import type { ConnectionConfig } from "../../src/ike/config.ts";

const HOST = [
  { device: "lo", family: 4, address: "127.0.0.1", prefixLength: 8, scope: "host" },
  { device: "eth0", family: 4, address: "192.0.2.1", prefixLength: 24, scope: "global" },
  { device: "eth0", family: 6, address: "2001:db8:0::1", prefixLength: 64, scope: "global" },
  { device: "eth0", family: 6, address: "fe80::1", prefixLength: 64, scope: "link" },
  { device: "eth1", family: 4, address: "198.51.100.1", prefixLength: 24, scope: "global" },
] as const;

const connections = (...localAddrs: string[][]): ConnectionConfig[] =>
  localAddrs.map((addrs, i) => ({ name: `c${i}`, localAddrs: addrs }) as unknown as ConnectionConfig);

test("%any is all that can be reached from elsewhere", () => {
  assert.deepEqual(localAddresses(connections(["%any"]), HOST), ["192.0.2.1", "2001:db8::1", "198.51.100.1"]);
});

test("what is named is taken, once, loopback too", () => {
  assert.deepEqual(localAddresses(connections(["198.51.100.1"], ["198.51.100.0/24", "127.0.0.1"]), HOST), ["127.0.0.1", "198.51.100.1"]);
});

test("what the host does not have is refused with what it has", () => {
  assert.throws(() => localAddresses(connections(["203.0.113.1", "192.0.2.1"]), HOST), {
    exitCode: ExitCode.USAGE,
    message: /connections\.c0\.local_addrs names 203\.0\.113\.1, but this host has only 127\.0\.0\.1, 192\.0\.2\.1/,
  });
  assert.throws(() => localAddresses(connections(["203.0.113.0/24"]), HOST), { exitCode: ExitCode.USAGE });
});

test("later on, those that are there are taken, and none is missed", () => {
  assert.deepEqual(presentAddresses(connections(["203.0.113.1", "192.0.2.1"]), HOST), ["192.0.2.1"]);
  assert.deepEqual(presentAddresses(connections(["203.0.113.1"]), HOST), []);
  assert.deepEqual(presentAddresses(connections(["%any"], ["192.0.2.1"]), HOST), ["192.0.2.1", "2001:db8::1", "198.51.100.1"]);
});
