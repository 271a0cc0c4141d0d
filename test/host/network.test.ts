import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { IpCommandError, Iproute } from "../../src/host/linux/iproute.ts";
import { Network, ROUTE_PROTOCOL } from "../../src/host/linux/network.ts";
import { ownNamespace } from "./privileges.ts";

const privileged = ownNamespace();

describe("links and addresses", privileged, () => {
  const network = new Network();
  if (privileged.skip === false) {
    new Iproute().run("make a device", "link", "add", "hwst-net", "type", "veth", "peer", "name", "hwst-far");
    network.linkUp("hwst-far");
  }

  it("MTU, up, queue length", () => {
    network.linkUp("hwst-net", 1400);
    assert.equal(network.mtuOf("hwst-net"), 1400);
    network.setMtu("hwst-net", 1300);
    network.setQueueLength("hwst-net", 2000);
    const [link] = new Iproute().query("look", "link", "show", "dev", "hwst-net");
    assert.deepEqual([link!["mtu"], link!["txqlen"], (link!["flags"] as string[]).includes("UP")], [1300, 2000, true]);
  });

  it("addresses of both families, given twice without complaint, usable at once", () => {
    for (const prefix of ["10.1.0.1/24", "10.1.0.1/24", "fd01::1/64", "fd01::1/64"]) network.addAddress("hwst-net", prefix);
    const own = network.addresses().filter(({ device, scope }) => device === "hwst-net" && scope === "global");
    assert.deepEqual(own, [
      { device: "hwst-net", family: 4, address: "10.1.0.1", prefixLength: 24, scope: "global" },
      { device: "hwst-net", family: 6, address: "fd01::1", prefixLength: 64, scope: "global" },
    ]);
    assert.ok(network.addresses().some(({ device, address }) => device === "lo" && address === "127.0.0.1"));
  });

  it("the way to an address", () => {
    assert.deepEqual(network.pathTo("10.1.0.9"), { device: "hwst-net", source: "10.1.0.1" });
    assert.deepEqual(network.pathTo("fd01::9"), { device: "hwst-net", source: "fd01::1" });
    network.replaceRoute({ destination: "192.0.2.0/24", device: "hwst-net", via: "10.1.0.254" });
    assert.deepEqual(network.pathTo("192.0.2.1"), { device: "hwst-net", source: "10.1.0.1", via: "10.1.0.254" });
    network.deleteRoute({ destination: "192.0.2.0/24", device: "hwst-net" });
    assert.throws(() => network.pathTo("203.0.113.1"), /cannot find the way to 203.0.113.1: Network is unreachable/);
  });
});

describe("routes", privileged, () => {
  const network = new Network();
  const routes = [
    { destination: "10.2.0.0/16", device: "hwst-net", source: "10.1.0.1", mtu: 1280 },
    { destination: "fd02::/48", device: "hwst-net", source: "fd01::1", mtu: 1290, metric: 77 },
    { destination: "0.0.0.0/0", device: "hwst-net" },
    { destination: "::/0", device: "hwst-net", metric: 5 },
  ];

  it("are installed as asked for, under Hawser's protocol number", () => {
    for (const route of routes) network.replaceRoute(route);
    const found = new Map(network.ownRoutes().map((route) => [route.destination, route]));
    assert.deepEqual([...found.keys()].sort(), ["0.0.0.0/0", "10.2.0.0/16", "::/0", "fd02::/48"]);
    assert.deepEqual(found.get("10.2.0.0/16"), routes[0]);
    assert.deepEqual(found.get("fd02::/48"), routes[1]);
  });

  it("are replaced, not doubled", () => {
    network.replaceRoute({ ...routes[0]!, mtu: 1200 });
    const found = network.ownRoutes().filter(({ destination }) => destination === "10.2.0.0/16");
    assert.deepEqual(found, [{ ...routes[0]!, mtu: 1200 }]);
  });

  it("are deleted; deleting what is gone is no error", () => {
    network.deleteRoute(routes[0]!);
    network.deleteRoute(routes[0]!);
    network.deleteRoute({ destination: "10.99.0.0/16", device: "hwst-gone" });
    assert.ok(network.ownRoutes().every(({ destination }) => destination !== "10.2.0.0/16"));
  });

  it("stay when the last IPv4 address of their device goes, if they are to be kept", () => {
    new Iproute().run("make a device", "link", "add", "hwst-vip", "type", "veth", "peer", "name", "hwst-vip-far");
    network.linkUp("hwst-vip");
    for (const isKept of [false, true]) {
      if (isKept) network.keepIpv4Routes("hwst-vip");
      network.addAddress("hwst-vip", "10.9.0.1/32");
      network.replaceRoute({ destination: "10.8.0.0/16", device: "hwst-vip" });
      network.removeAddress("hwst-vip", "10.9.0.1/32");
      assert.equal(
        network.ownRoutes().some(({ destination }) => destination === "10.8.0.0/16"),
        isKept,
      );
    }
    new Iproute().run("remove the device", "link", "delete", "hwst-vip");
  });

  it("those of a killed run are found and removed, others left alone", () => {
    new Iproute().run("add somebody's route", "route", "add", "172.16.0.0/12", "dev", "hwst-net", "proto", "static");
    const removed = network.removeOwnRoutes().map(({ destination }) => destination);
    assert.deepEqual(removed.sort(), ["0.0.0.0/0", "::/0", "fd02::/48"]);
    assert.deepEqual(network.ownRoutes(), []);
    assert.equal(network.pathTo("172.16.1.1").device, "hwst-net");
    assert.equal(ROUTE_PROTOCOL, "195");
  });

  it("a source that is not ours, or a device that is not there, is a sentence", () => {
    assert.throws(
      () => network.replaceRoute({ destination: "10.3.0.0/16", device: "hwst-net", source: "10.250.0.1" }),
      (error) => error instanceof IpCommandError && error.message.startsWith("cannot add the route 10.3.0.0/16 by hwst-net: "),
    );
    assert.throws(
      () => network.replaceRoute({ destination: "10.3.0.0/16", device: "hwst-gone" }),
      /cannot add the route 10.3.0.0\/16 by hwst-gone: Cannot find device "hwst-gone"/,
    );
  });
});

describe("ip itself", () => {
  it("that is not installed is named, with its package", () => {
    const path = process.env["PATH"];
    process.env["PATH"] = "/nonexistent";
    try {
      assert.throws(() => new Network().addresses(), /cannot list addresses: iproute2 is not installed .*apt-get install iproute2/);
    } finally {
      process.env["PATH"] = path;
    }
  });

  it("a refused permission says what is needed", () => {
    assert.match(new IpCommandError("add a route", "Operation not permitted").message, /CAP_NET_ADMIN/);
    assert.doesNotMatch(new IpCommandError("add a route", "File exists").message, /CAP_NET_ADMIN/);
  });
});
