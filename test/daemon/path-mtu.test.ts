import assert from "node:assert/strict";
import { test } from "node:test";
import { PathMtuWatch } from "../../src/daemon/path-mtu.ts";
import { tunnelMtu } from "../../src/daemon/tunnel-mtu.ts";
import { ikeSaId } from "../../src/ike/command.ts";

function watch(mtus: Record<string, number>) {
  const told: (readonly [string, number])[] = [];
  const pathMtu = (_local: string, remote: string): number => {
    const mtu = mtus[remote];
    if (mtu === undefined) throw new Error("no route");
    return mtu;
  };
  return { told, paths: new PathMtuWatch({ pathMtu, onChange: (connection, mtu) => told.push([connection, mtu]) }) };
}

const path = (remote: string) => ({ connection: "west", local: "192.0.2.1", remote, encapsulation: "udp" }) as const;

test("a path's MTU is told when it is used, and again only when it changes", () => {
  const mtus: Record<string, number> = { "192.0.2.2": 1500 };
  const { told, paths } = watch(mtus);
  paths.use(ikeSaId(1), path("192.0.2.2"));
  paths.check("192.0.2.1", "192.0.2.2");
  assert.deepEqual(told, [["west", tunnelMtu(1500, 4, "udp")]]);
  mtus["192.0.2.2"] = 1400;
  paths.check("192.0.2.1", "198.51.100.1");
  assert.equal(told.length, 1, "another path's trouble");
  paths.check("192.0.2.1", "192.0.2.2");
  mtus["192.0.2.2"] = 1500;
  paths.checkAll();
  assert.deepEqual(told.slice(1), [
    ["west", tunnelMtu(1400, 4, "udp")],
    ["west", tunnelMtu(1500, 4, "udp")],
  ]);
});

test("of several peers of a connection the narrowest path counts, for as long as it is there", () => {
  const { told, paths } = watch({ "192.0.2.2": 1500, "2001:db8::2": 1500 });
  paths.use(ikeSaId(1), path("192.0.2.2"));
  paths.use(ikeSaId(2), path("2001:db8::2"));
  assert.deepEqual(told.at(-1), ["west", tunnelMtu(1500, 6, "udp")]);
  paths.rename(ikeSaId(2), ikeSaId(3));
  paths.checkAll();
  assert.equal(told.length, 2, "the rekeyed SA still uses it");
  paths.release(ikeSaId(3));
  paths.checkAll();
  assert.deepEqual(told.at(-1), ["west", tunnelMtu(1500, 4, "udp")]);
});

test("what the ciphers in use add counts, the most of it, for as long as the IKE SA or its successor is there", () => {
  const { told, paths } = watch({ "192.0.2.2": 1500 });
  paths.use(ikeSaId(1), path("192.0.2.2"));
  paths.protect(ikeSaId(1), "aes256gcm16");
  assert.deepEqual(told, [["west", tunnelMtu(1500, 4, "udp")]]);
  paths.protect(ikeSaId(1), "aes256-sha512");
  assert.deepEqual(told.at(-1), ["west", tunnelMtu(1500, 4, "udp", "aes256-sha512")]);
  paths.rename(ikeSaId(1), ikeSaId(2));
  paths.checkAll();
  assert.equal(told.length, 2);
  paths.release(ikeSaId(2));
  paths.use(ikeSaId(3), path("192.0.2.2"));
  assert.deepEqual(told.at(-1), ["west", tunnelMtu(1500, 4, "udp")]);
});

test("a path that is gone says nothing", () => {
  const { told, paths } = watch({});
  paths.use(ikeSaId(1), path("192.0.2.2"));
  paths.checkAll();
  assert.deepEqual(told, []);
});

test("a peer that moves, and ESP that goes without UDP from then on, change the path", () => {
  const { told, paths } = watch({ "192.0.2.2": 1500, "192.0.2.3": 1400 });
  paths.use(ikeSaId(1), path("192.0.2.2"));
  paths.change(ikeSaId(1), { remote: "192.0.2.3" });
  paths.change(ikeSaId(1), { encapsulation: "none" });
  paths.change(ikeSaId(2), { encapsulation: "none" });
  assert.deepEqual(told, [
    ["west", tunnelMtu(1500, 4, "udp")],
    ["west", tunnelMtu(1400, 4, "udp")],
    ["west", tunnelMtu(1400, 4, "udp") + 8],
  ]);
});
