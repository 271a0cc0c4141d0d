/** A routing table that marked packets do not look into: rules, the way to an address with and without the mark, and what a killed daemon leaves. */
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { openOwnTable, removeLeftTables, warnOfStrictDevices } from "../../src/daemon/own-table.ts";
import { IpCommandError, Iproute } from "../../src/host/linux/iproute.ts";
import { SOL_SOCKET, u32 } from "../../src/host/linux/ip-socket.ts";
import { close, getsockopt } from "../../src/host/linux/libc.ts";
import { Network } from "../../src/host/linux/network.ts";
import { openTun } from "../../src/host/linux/tun.ts";
import { openUdpGroup, pathMtu } from "../../src/host/linux/udp.ts";
import { ownNamespace } from "./privileges.ts";

const privileged = ownNamespace();
const SO_MARK = 36;
const PEERS = ["10.1.0.9", "fd01::9"];

describe("a table past which marked packets go", privileged, () => {
  const network = new Network();
  if (privileged.skip === false) {
    const ip = new Iproute();
    ip.run("make a cable", "link", "add", "hwst-cable", "type", "veth", "peer", "name", "hwst-far");
    for (const device of ["hwst-far", "hwst-cable"]) network.linkUp(device, 1400);
    for (const prefix of ["10.1.0.1/24", "fd01::1/64"]) network.addAddress("hwst-cable", prefix);
  }
  const tun = privileged.skip === false ? openTun({ name: "hwst-own", queues: 1, offloads: false }) : undefined;

  it("leads packets without the mark elsewhere, of both families", () => {
    network.linkUp("hwst-own", 1300);
    const own = openOwnTable(network, "hwst-own");
    for (const [index, peer] of PEERS.entries()) {
      const route = { destination: `${peer}/${index === 0 ? 32 : 128}`, device: "hwst-own", source: index === 0 ? "10.1.0.1" : "fd01::1" };
      network.replaceRoute({ ...route, table: own.table });
      assert.equal(network.pathTo(peer).device, "hwst-own");
      assert.equal(new Network(undefined, own.mark).pathTo(peer).device, "hwst-cable");
      assert.deepEqual([pathMtu(route.source, peer), pathMtu(route.source, peer, own.mark)], [1300, 1400]);
    }
    assert.deepEqual(network.ownRules(), [own]);
  });

  it("sockets have the mark that they are opened with", () => {
    const [mark] = network.ownRules().map((rule) => rule.mark);
    const fds = openUdpGroup({ address: "10.1.0.1", port: 0, count: 2, sendBuffer: 4096, receiveBuffer: 4096, mark });
    try {
      assert.deepEqual(fds.map(markOf), [mark, mark]);
    } finally {
      fds.forEach(close);
    }
  });

  it("is in the way of a strict rp_filter, of which is warned", () => {
    const strict = (name: string, value: number): void => writeFileSync(`/proc/sys/net/ipv4/conf/${name}/rp_filter`, String(value));
    for (const [all, device, isDropped] of [
      [0, 0, false],
      [1, 0, true],
      [0, 1, true],
      [2, 1, false],
      [1, 2, false],
      [0, 0, false],
    ] as const) {
      strict("all", all);
      strict("hwst-cable", device);
      const warnings = warnOfStrictDevices(network, ["10.1.0.1", "fd01::1"]);
      assert.deepEqual(
        warnings.map((text) => text.split(" ", 1)[0]),
        isDropped ? ["hwst-cable"] : [],
      );
    }
    strict("all", 0);
    assert.deepEqual(warnOfStrictDevices(network, ["127.0.0.1"]), []);
  });

  it("is left alone as long as its device is there, and removed after that", () => {
    assert.deepEqual(removeLeftTables(network), []);
    const rules = network.ownRules();
    for (const fd of tun?.fds ?? []) close(fd);
    assert.deepEqual(removeLeftTables(network), rules);
    assert.deepEqual(network.ownRules(), []);
    for (const peer of PEERS) assert.equal(network.pathTo(peer).device, "hwst-cable");
    for (const rule of rules) network.deleteRule(rule);
  });
});

describe("a kernel without rules for IPv6", () => {
  /** What ip says to `ip -6 rule show` where there is no IPv6, or no CONFIG_IPV6_MULTIPLE_TABLES, and no rules of IPv4. */
  function withIp(sayingOfIpv6: string, check: (network: Network) => void): void {
    const directory = mkdtempSync(join(tmpdir(), "hawser-ip-"));
    const path = process.env["PATH"];
    const script = `#!/bin/sh\ncase "$*" in *-6*) echo "${sayingOfIpv6}" >&2; exit 255;; esac\n`;
    writeFileSync(join(directory, "ip"), script, { mode: 0o755 });
    process.env["PATH"] = `${directory}:${path ?? ""}`;
    try {
      check(new Network());
    } finally {
      process.env["PATH"] = path;
      rmSync(directory, { recursive: true });
    }
  }

  it("has none of ours, and none to delete", () => {
    withIp("RTNETLINK answers: Address family not supported by protocol\nDump terminated", (network) => {
      assert.deepEqual(removeLeftTables(network), []);
      network.deleteRule({ table: 1, mark: 1 });
    });
  });

  it("is not taken for one that refuses for another reason", () => {
    withIp("RTNETLINK answers: Operation not permitted", (network) => assert.throws(() => network.ownRules(), IpCommandError));
  });
});

function markOf(fd: number): number {
  const value = new Uint8Array(4);
  assert.equal(getsockopt(fd, SOL_SOCKET, SO_MARK, value, u32(4)), 0);
  return new DataView(value.buffer).getUint32(0, true);
}
