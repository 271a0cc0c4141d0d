/** Remote access on real hosts: a gateway gives two others virtual addresses, from which they reach what is behind it (RFC 7296 §2.19). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { ask } from "../../src/daemon/control/client.ts";
import type { DaemonStatus } from "../../src/daemon/status.ts";
import type { DaemonProcess } from "../../src/demo/daemon-process.ts";
import type { DemoHost } from "../../src/demo/topology.ts";
import { Network } from "../../src/host/linux/network.ts";
import { missing } from "../interop/support/requirements.ts";
import { INSIDE, RemoteAccess } from "./support/remote-access.ts";
import { icmpPing } from "./support/transfer.ts";

const POOLS = { four: { addrs: "10.9.0.0/24", dns: "10.1.0.53" }, six: { addrs: "fd09::/64" } };

const isUp = ({ endpoint: { childSas } }: DaemonStatus): boolean => childSas.length > 0;
const virtual = ({ endpoint }: DaemonStatus): readonly string[] => endpoint.ikeSas[0]?.virtual.addresses ?? [];
const at = (host: DemoHost, innerAddress: string): DemoHost => ({ ...host, innerAddress });

describe("two hosts with virtual addresses of a gateway", { skip: missing() }, () => {
  let access: RemoteAccess;
  let gateway: DaemonProcess;
  let first: DaemonProcess;
  let second: DaemonProcess;
  before(async () => {
    access = new RemoteAccess();
    gateway = await access.startGateway(POOLS);
    [first, second] = await Promise.all([access.startClient(0, { resolv_conf: access.path("resolv.conf") }), access.startClient(1)]);
    await Promise.all([first, second].map((client) => access.until("the tunnel is up", client, isUp)));
  });
  after(() => access.remove());

  /** From the client to the gateway and back to its virtual addresses, in both families. */
  async function pingBothWays(client: DemoHost, status: DaemonStatus): Promise<void> {
    for (const [index, address] of virtual(status).entries()) {
      assert.equal(await icmpPing(client, at(access.gateway, INSIDE[index] ?? ""), 3, 56), 3, `to the gateway from ${address}`);
      assert.equal(await icmpPing(access.gateway, at(client, address), 3, 56), 3, `from the gateway to ${address}`);
    }
  }

  it("get different ones of both families, and packets go both ways", async () => {
    const [one, two] = await Promise.all([first.status(), second.status()]);
    const all = [...virtual(one), ...virtual(two)];
    assert.equal(new Set(all).size, 4, all.join(" "));
    await pingBothWays(access.clients[0], one);
    await pingBothWays(access.clients[1], two);
    const { pools, ikeSas } = (await gateway.status()).endpoint;
    assert.deepEqual(
      pools.map(({ inUse }) => inUse),
      [2, 2],
    );
    assert.deepEqual(ikeSas.flatMap(({ leases }) => leases.map(({ address }) => address)).sort(), all.sort());
  });

  it("have per-CPU Child SAs for them", async () => {
    const { endpoint } = await access.until("a second Child SA", first, ({ endpoint: { childSas } }) => childSas.length > 1);
    for (const { localTs } of endpoint.childSas) assert.deepEqual(localTs, endpoint.childSas[0]?.localTs);
  });

  it("are told of the DNS server in a file, the log and the status", async () => {
    const status = await first.status();
    assert.deepEqual(status.endpoint.ikeSas[0]?.virtual.dnsServers, ["10.1.0.53"]);
    assert.match(first.log, /has given us the virtual addresses 10\.9\.0\.\d fd09::\d, DNS servers 10\.1\.0\.53/);
    assert.match(readFileSync(access.path("resolv.conf"), "utf8"), /^nameserver 10\.1\.0\.53$/m);
  });

  it("have them again after a crash, though the other one has come in the meantime", async () => {
    const before = virtual(await first.status());
    assert.equal(await first.signal("SIGKILL"), null);
    first = await access.startClient(0);
    const status = await access.until("the tunnel is up again", first, isUp);
    assert.deepEqual(virtual(status), before);
    await pingBothWays(access.clients[0], status);
  });

  it("lose them when the gateway closes the IKE SA; what was for the tunnel still does not leave in the clear", async () => {
    const { endpoint } = await gateway.status();
    const [address = ""] = virtual(await second.status());
    const ikeSa = endpoint.ikeSas.find(({ leases }) => leases.some((lease) => lease.address === address));
    assert.ok(ikeSa !== undefined);
    const network = new Network(access.clients[1].namespace);
    assert.equal(network.pathTo(INSIDE[0]).source, address);
    await ask(gateway.controlSocket, { verb: "terminate-ike", ikeSa: ikeSa.id });
    await access.until("the address is gone", second, (status) => virtual(status).length === 0);
    assert.deepEqual(
      network.addresses().filter(({ device, scope }) => device === "hawser0" && scope !== "host"),
      [],
    );
    assert.deepEqual(
      network.ownRoutes().map((route) => [route.destination, route.device, route.source]),
      [
        ["10.1.0.0/16", "hawser0", undefined],
        ["fd01::/32", "hawser0", undefined],
      ],
    );
    const after = await access.until("the leases are back", gateway, ({ endpoint: { pools } }) => pools.every(({ inUse }) => inUse === 1));
    assert.deepEqual(
      after.endpoint.pools.map(({ remembered }) => remembered),
      [1, 1],
    );
  });
});
