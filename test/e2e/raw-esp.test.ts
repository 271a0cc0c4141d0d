/** ESP without UDP, as IP protocol 50: between two daemons, seen on the cable; and what takes its place when a NAT is between. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Network } from "../../src/host/linux/network.ts";
import { Hawser, identityOf } from "../interop/support/hawser.ts";
import { makeHosts, type Hosts } from "../interop/support/hosts.ts";
import { missing } from "../interop/support/requirements.ts";
import { Echo } from "../interop/support/traffic.ts";
import { Capture, Dissection } from "../interop/support/tshark.ts";
import { makeNattedHosts } from "./support/nat.ts";
import { icmpPing, transfer } from "./support/transfer.ts";

const MEBIBYTE = 2 ** 20;
const WITHOUT_UDP = { encap: false, mobike: false };
const CHILD = { per_cpu_sas: true, start_action: "trap", esp_proposals: ["aes128gcm16-x25519"] };
const DAEMON = { cpus: 2 };

/** From each CPU of both ends; every ping must be answered. */
async function pingFromEveryCpu({ left, right }: Hosts): Promise<void> {
  const echo = await Echo.start(left, right);
  const all = [left, right].flatMap((from) =>
    [0, 1].map((cpu) => echo.ping(from, from === left ? right : left, { cpu, rounds: 10, flows: 4 })),
  );
  for (const result of await Promise.all(all)) assert.deepEqual(result, { sent: 40, received: 40 });
  echo.stop();
}

/** Packets on the cable that the display filter lets through. */
const count = (dissection: Dissection, filter: string): number => dissection.fields(filter, ["frame.number"]).length;

describe("ESP without UDP", { skip: missing("ping", "tshark", "tcpdump", "nft", "sysctl") }, () => {
  for (const { outer, inner, mtu } of [
    { outer: 4, inner: 6, mtu: 1446 },
    { outer: 6, inner: 4, mtu: 1426 },
  ] as const) {
    it(`over IPv${outer}: nothing is on the cable but protocol 50 and IKE on port 500`, async () => {
      const hosts = makeHosts(outer, inner);
      try {
        const { left, right, scratch } = hosts;
        const cable = join(scratch, "cable.pcap");
        const capture = await Capture.start(hosts, cable);
        const settings = { connection: WITHOUT_UDP, child: CHILD, daemon: DAEMON };
        const [a, b] = await Promise.all([Hawser.start(hosts, left, settings), Hawser.start(hosts, right, settings)]);
        assert.equal(await icmpPing(left, right, 5, 1300), 5, "the first ping brings the tunnel up");
        assert.equal((await a.status()).tun.mtu, mtu, "8 octets more than in UDP");
        assert.equal(await icmpPing(left, right, 2, mtu - (inner === 4 ? 28 : 48), "-M", "do"), 2, "the largest packet passes whole");
        await pingFromEveryCpu(hosts);
        await transfer(left, right, 8 * MEBIBYTE);
        await transfer(right, left, 4 * MEBIBYTE);
        for (const end of [a, b]) {
          await end.until("a Child SA on each CPU", ({ endpoint }) => endpoint.childSas.length >= 2);
          const { encapsulation, remote, natThere } = await end.ikeSa();
          assert.deepEqual([encapsulation, remote.port, natThere], ["none", 500, false]);
        }
        await a.ask({ verb: "rekey-child", childSa: (await a.childSas())[0]?.id ?? 0 });
        await a.until("the Child SA is rekeyed", ({ endpoint }) => endpoint.childSas.every(({ state }) => state === "INSTALLED"));
        await b.ask({ verb: "rekey-ike", ikeSa: (await b.ikeSa()).id });
        await b.until(
          "the IKE SA is rekeyed",
          ({ endpoint }) => endpoint.ikeSas.length === 1 && endpoint.ikeSas[0]?.state === "ESTABLISHED",
        );
        await pingFromEveryCpu(hosts);
        assert.deepEqual([(await a.status()).dataPlane.drops, (await b.status()).dataPlane.drops], [{}, {}]);
        assert.deepEqual([await a.down(), await b.down()], [0, 0]);
        await capture.stop();

        const seen = new Dissection(cable, [a.keyLog, b.keyLog]);
        assert.ok(count(seen, "esp") > 1000);
        assert.equal(count(seen, `esp && !${outer === 4 ? "ip.proto == 50" : "ipv6.nxt == 50"}`), 0);
        assert.equal(count(seen, "udp.port == 4500"), 0);
        assert.equal(count(seen, "!esp && !(isakmp && udp.port == 500) && !arp && !icmpv6"), 0);
        assert.equal(count(seen, "esp && !(esp.icv_good == 1)"), 0, "Wireshark finds every ICV right");
      } finally {
        hosts.remove();
      }
    });
  }

  it("a NAT is between: in UDP after all, with the smaller MTU", async () => {
    const hosts = makeNattedHosts("initiator");
    try {
      const { left, right, rightFromOutside } = hosts;
      const common = { child: { ...CHILD, start_action: "none" }, daemon: DAEMON };
      const [a, b] = await Promise.all([
        Hawser.start(hosts, left, { ...common, connection: { remote_addrs: [rightFromOutside], encap: false } }),
        Hawser.start(hosts, right, {
          ...common,
          connection: { remote_addrs: ["%any"], remote: { auth: "psk", id: identityOf(left) }, encap: false },
        }),
      ]);
      await a.initiate();
      await pingFromEveryCpu(hosts);
      await transfer(left, right, 2 * MEBIBYTE);
      for (const end of [a, b]) assert.equal((await end.ikeSa()).encapsulation, "udp");
      const [route] = new Network(left.namespace).ownRoutes().filter(({ device }) => device.startsWith("hawser"));
      assert.equal(route?.mtu, 1438);
      assert.deepEqual([(await a.status()).dataPlane.drops, (await b.status()).dataPlane.drops], [{}, {}]);
      assert.deepEqual([await a.down(), await b.down()], [0, 0]);
    } finally {
      hosts.remove();
    }
  });

  it("only one end wants to do without UDP: both use it", async () => {
    const hosts = makeHosts();
    try {
      const { left, right } = hosts;
      const [a, b] = await Promise.all([
        Hawser.start(hosts, left, { connection: WITHOUT_UDP, child: CHILD, daemon: DAEMON }),
        Hawser.start(hosts, right, { child: CHILD, daemon: DAEMON }),
      ]);
      assert.equal(await icmpPing(left, right, 3, 56), 3);
      await pingFromEveryCpu(hosts);
      for (const end of [a, b]) assert.equal((await end.ikeSa()).encapsulation, "udp");
      assert.deepEqual([await a.down(), await b.down()], [0, 0]);
    } finally {
      hosts.remove();
    }
  });
});
