import assert from "node:assert/strict";
import { test } from "node:test";
import type { Route } from "../../src/host/ports.ts";
import { TunnelRoutes } from "../../src/daemon/tunnel-routes.ts";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";

const DEVICE = { name: "hawser0", mtu: 1438 };

/** A routing table in memory, and the way to everything: out of eth0 by a gateway. */
function host() {
  const routes = new Map<string, Route>();
  const ports = {
    table: {
      replaceRoute: (route: Route): void => void routes.set(route.destination, route),
      deleteRoute: ({ destination }: Route): void => assert.ok(routes.delete(destination), `${destination} was not there`),
    },
    pathTo: (): { device: string; via: string; source: string } => ({ device: "eth0", via: "192.0.2.254", source: "192.0.2.1" }),
  };
  return { routes, ports, list: (): string[] => [...routes.keys()].sort() };
}

const policy = (key: string, remoteTs: string, connection = "west") => ({
  key,
  connection,
  localTs: [parsePrefix("10.1.0.0/16")],
  remoteTs: remoteTs.split(" ").map(parsePrefix),
});

test("a route stays until the last policy that wants it is gone", () => {
  const { ports, list, routes } = host();
  const tunnel = new TunnelRoutes(ports, DEVICE, ["192.0.2.1", "10.1.0.1"]);
  assert.deepEqual(tunnel.add(policy("child", "10.2.0.0/16 10.3.0.0/16")), []);
  tunnel.add(policy("negotiated", "10.2.0.0/16"));
  assert.deepEqual(routes.get("10.2.0.0/16"), { destination: "10.2.0.0/16", device: "hawser0", source: "10.1.0.1" });
  tunnel.remove("child");
  assert.deepEqual(list(), ["10.2.0.0/16"]);
  tunnel.remove("negotiated");
  tunnel.remove("never there");
  assert.deepEqual(list(), []);
});

test("without an own address inside local_ts the kernel chooses the source", () => {
  const { ports, routes } = host();
  new TunnelRoutes(ports, DEVICE, ["192.0.2.1", "fd01::1"]).add(policy("p", "10.2.0.0/16"));
  assert.deepEqual(routes.get("10.2.0.0/16"), { destination: "10.2.0.0/16", device: "hawser0" });
});

test("a peer inside the selectors keeps its way past the tunnel", () => {
  const { ports, routes, list } = host();
  const tunnel = new TunnelRoutes(ports, DEVICE, []);
  tunnel.exemptPeer("198.51.100.7");
  assert.deepEqual(list(), [], "no route while nothing covers it");
  tunnel.add(policy("p", "0.0.0.0/0"));
  assert.deepEqual(list(), ["0.0.0.0/1", "128.0.0.0/1", "198.51.100.7/32"]);
  assert.deepEqual(routes.get("198.51.100.7/32"), {
    destination: "198.51.100.7/32",
    device: "eth0",
    via: "192.0.2.254",
    source: "192.0.2.1",
  });
  tunnel.clear();
  assert.deepEqual(list(), []);
});

test("the peer's own address as the whole destination is not routed, and told", () => {
  const { ports, routes } = host();
  const tunnel = new TunnelRoutes(ports, DEVICE, []);
  tunnel.exemptPeer("198.51.100.7");
  assert.deepEqual(tunnel.add(policy("p", "198.51.100.7/32 10.2.0.0/16")), ["198.51.100.7/32"]);
  assert.equal(routes.get("198.51.100.7/32")?.device, "eth0");
  assert.equal(routes.get("10.2.0.0/16")?.device, "hawser0");
});

test("a peer whose way already leads into the tunnel is refused", () => {
  const { ports } = host();
  const tunnel = new TunnelRoutes({ ...ports, pathTo: () => ({ device: "hawser0", source: "10.1.0.1" }) }, DEVICE, []);
  assert.throws(() => tunnel.exemptPeer("198.51.100.7"), /leads through its own tunnel/);
});

test("a narrower path lowers the MTU of its connection's routes, a wider one lifts it again", () => {
  const { ports, routes } = host();
  const tunnel = new TunnelRoutes(ports, DEVICE, []);
  tunnel.add(policy("a", "10.2.0.0/16"));
  tunnel.add(policy("b", "10.9.0.0/16", "east"));
  assert.equal(tunnel.setPathMtu("west", 1338), true);
  assert.equal(routes.get("10.2.0.0/16")?.mtu, 1338);
  assert.equal(routes.get("10.9.0.0/16")?.mtu, undefined);
  assert.equal(tunnel.setPathMtu("west", 1338), false, "no news");
  tunnel.add(policy("late", "10.4.0.0/16"));
  assert.equal(routes.get("10.4.0.0/16")?.mtu, 1338, "a later route knows it");
  assert.equal(tunnel.setPathMtu("west", 9000), true);
  assert.equal(routes.get("10.2.0.0/16")?.mtu, undefined, "the device's own limit needs no attribute");
});

test("a virtual address is the source as long as it is there, also of a route that was there before it", () => {
  const { ports, routes } = host();
  const tunnel = new TunnelRoutes(ports, DEVICE, ["192.0.2.1"]);
  const source = (): string | undefined => routes.get("10.2.0.0/16")?.source;
  tunnel.add({ ...policy("child", "10.2.0.0/16"), localTs: [] });
  assert.equal(source(), undefined);
  tunnel.setVirtualSources(["10.9.0.1"]);
  tunnel.add({ ...policy("negotiated", "10.2.0.0/16"), localTs: [parsePrefix("10.9.0.1/32")] });
  assert.equal(source(), "10.9.0.1");
  tunnel.remove("negotiated");
  assert.equal(source(), undefined, "the route itself stays");
  assert.ok(routes.has("10.2.0.0/16"));
});

test("a route that any address could be the source of has the virtual one, until that goes", () => {
  const { ports, routes } = host();
  const tunnel = new TunnelRoutes(ports, DEVICE, ["192.0.2.1"]);
  tunnel.add({ ...policy("trap", "10.2.0.0/16"), localTs: [parsePrefix("0.0.0.0/0")] });
  const source = (): string | undefined => routes.get("10.2.0.0/16")?.source;
  assert.equal(source(), "192.0.2.1");
  tunnel.setVirtualSources(["10.9.0.1", "fd09::1"]);
  assert.equal(source(), "10.9.0.1");
  tunnel.setVirtualSources([]);
  assert.equal(source(), "192.0.2.1");
});

test("with a table of its own the tunnel leads to the peer's own address too, and needs no exemption", () => {
  const { ports, routes, list } = host();
  const tunnel = new TunnelRoutes(ports, DEVICE, ["10.1.0.1"], 77);
  tunnel.exemptPeer("198.51.100.7");
  assert.deepEqual(tunnel.add(policy("p", "198.51.100.7/32")), []);
  assert.deepEqual(routes.get("198.51.100.7/32"), { destination: "198.51.100.7/32", device: "hawser0", source: "10.1.0.1", table: 77 });
  tunnel.clear();
  assert.deepEqual(list(), []);
});
