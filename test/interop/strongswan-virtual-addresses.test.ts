/** Virtual addresses (RFC 7296 §2.19) with strongSwan: either end gives the other one from its pools. */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import type { DemoHost } from "../../src/demo/topology.ts";
import { Network } from "../../src/host/linux/network.ts";
import { icmpPing } from "../e2e/support/transfer.ts";
import { CHILD, CONNECTION } from "./support/hawser.ts";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";

const { root = "", skip } = peerRoot("strongswan");

/** The same host by its virtual address. */
const by = (host: DemoHost, innerAddress: string): DemoHost => ({ ...host, innerAddress });

async function pingEachOther(a: DemoHost, b: DemoHost): Promise<void> {
  assert.equal(await icmpPing(a, b, 3, 56), 3);
  assert.equal(await icmpPing(b, a, 3, 56), 3);
}

describe("strongSwan has a virtual address of ours", { skip }, () => {
  let pair: Pair;
  before(async () => {
    pair = await Pair.start(root, {
      hawser: {
        connection: { pools: ["four", "six"] },
        child: { local_ts: ["10.1.0.0/16", "fd01::/32"], remote_ts: "dynamic" },
        pools: { four: { addrs: "10.9.0.0/24", dns: "10.1.0.53" }, six: { addrs: "fd09::/64" } },
        daemon: { tun: { addresses: ["10.1.0.1", "fd01::1"] } },
      },
      strongSwan: {
        connection: ["vips = 0.0.0.0, ::"],
        child: ["local_ts = dynamic", "remote_ts = 10.1.0.0/16, fd01::/32"],
      },
    });
    await pair.strongSwan.initiate();
    await pair.agree(1);
  });
  after(() => pair.stop());

  it("of both families, and pings go both ways", async () => {
    const { leases } = await pair.hawser.ikeSa();
    assert.deepEqual(leases, [
      { pool: "four", address: "10.9.0.1" },
      { pool: "six", address: "fd09::1" },
    ]);
    assert.deepEqual((await pair.hawser.childSa()).remoteTs, ["10.9.0.1/32", "fd09::1/128"]);
    assert.match(pair.strongSwan.log, /installing new virtual IP 10\.9\.0\.1[^]*installing new virtual IP fd09::1/);
    const { left, right } = pair.hosts;
    await pingEachOther(left, by(right, "10.9.0.1"));
    await pingEachOther(by(left, "fd01::1"), by(right, "fd09::1"));
  });

  it("keeps it when the IKE SA and the Child SA are rekeyed by either end", async () => {
    const { initiatorSpi } = await pair.hawser.ikeSa();
    await pair.strongSwan.swanctl("--rekey", "--ike", CONNECTION);
    await pair.hawser.until("the IKE SA is replaced", ({ endpoint: { ikeSas } }) => {
      return ikeSas.length === 1 && ikeSas[0]?.initiatorSpi !== initiatorSpi && ikeSas[0]?.state === "ESTABLISHED";
    });
    await pair.strongSwan.swanctl("--rekey", "--child", CHILD);
    await pair.agree(1);
    await pair.hawser.ask({ verb: "rekey-child", childSa: (await pair.hawser.childSa()).id });
    await pair.agree(1);
    assert.equal((await pair.hawser.ikeSa()).leases.length, 2);
    await pingEachOther(pair.hosts.left, by(pair.hosts.right, "10.9.0.1"));
  });

  it("gives it back when the IKE SA is closed, and gets it again", async () => {
    await pair.strongSwan.swanctl("--terminate", "--ike", CONNECTION);
    await pair.areDown();
    const { pools } = (await pair.hawser.status()).endpoint;
    assert.deepEqual(
      pools.map(({ inUse, remembered }) => [inUse, remembered]),
      [
        [0, 1],
        [0, 1],
      ],
    );
    await pair.strongSwan.initiate();
    await pair.agree(1);
    assert.equal((await pair.hawser.ikeSa()).leases[0]?.address, "10.9.0.1");
  });
});

describe("strongSwan that asks for no virtual address where one is needed", { skip }, () => {
  let pair: Pair;
  before(async () => {
    pair = await Pair.start(root, {
      hawser: { connection: { pools: "four" }, child: { remote_ts: "dynamic" }, pools: { four: { addrs: "10.9.0.0/24" } } },
    });
  });
  after(() => pair.stop());

  it("is told FAILED_CP_REQUIRED", async () => {
    await assert.rejects(pair.strongSwan.initiate());
    assert.match(pair.strongSwan.log, /received FAILED_CP_REQUIRED notify/);
  });
});

describe("Hawser has a virtual address of strongSwan's", { skip }, () => {
  let pair: Pair;
  before(async () => {
    pair = await Pair.start(root, {
      hawser: {
        connection: { vips: "0.0.0.0, ::" },
        child: { local_ts: "dynamic", remote_ts: ["10.2.0.0/16", "fd02::/32"] },
      },
      strongSwan: {
        connection: ["pools = four, six"],
        child: ["local_ts = 10.2.0.0/16, fd02::/32", "remote_ts = dynamic"],
        pools: ["four { addrs = 10.9.0.0/24", "dns = 10.2.0.53", "}", "six { addrs = fd09::/64", "}"],
      },
    });
    // strongSwan installs no route without an address of its own that it could go from.
    new Network(pair.hosts.right.namespace).addAddress("lo", "fd02::1/128");
    await pair.hawser.initiate();
    await pair.agree(1);
  });
  after(() => pair.stop());

  it("on its device, as the source of its routes, with the DNS server, and pings go both ways", async () => {
    const { virtual } = await pair.hawser.ikeSa();
    assert.deepEqual(virtual.addresses, ["10.9.0.1", "fd09::1"]);
    assert.deepEqual(virtual.dnsServers, ["10.2.0.53"]);
    assert.deepEqual((await pair.hawser.childSa()).localTs, ["10.9.0.1/32", "fd09::1/128"]);
    const { left, right } = pair.hosts;
    assert.equal(new Network(left.namespace).pathTo("10.2.0.1").source, "10.9.0.1");
    await pingEachOther(by(left, "10.9.0.1"), right);
    await pingEachOther(by(left, "fd09::1"), by(right, "fd02::1"));
  });

  it("keeps it when the IKE SA is rekeyed, and loses it when that is closed", async () => {
    const { initiatorSpi, id } = await pair.hawser.ikeSa();
    await pair.hawser.ask({ verb: "rekey-ike", ikeSa: id });
    await pair.hawser.until("the IKE SA is replaced", ({ endpoint: { ikeSas } }) => {
      return ikeSas.length === 1 && ikeSas[0]?.initiatorSpi !== initiatorSpi && ikeSas[0]?.state === "ESTABLISHED";
    });
    const { left, right } = pair.hosts;
    await pingEachOther(by(left, "10.9.0.1"), right);
    await pair.hawser.ask({ verb: "terminate", connection: CONNECTION });
    await pair.areDown();
    const onDevice = new Network(left.namespace).addresses().filter(({ device }) => device === "hawser0");
    assert.deepEqual(
      onDevice.map(({ address }) => address),
      [left.innerAddress],
      "what is configured stays",
    );
  });
});
