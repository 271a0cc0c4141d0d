/** Transport mode between two daemons: their hosts' own addresses talk to each other, and nothing of it is on the cable in the clear. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Network } from "../../src/host/linux/network.ts";
import type { DemoHost } from "../../src/demo/topology.ts";
import { Hawser } from "../interop/support/hawser.ts";
import { makeHostsWithoutNetworks, type Hosts } from "../interop/support/hosts.ts";
import { missing } from "../interop/support/requirements.ts";
import { Echo } from "../interop/support/traffic.ts";
import { Capture, Dissection } from "../interop/support/tshark.ts";
import { icmpPing, transfer } from "./support/transfer.ts";

const MEBIBYTE = 2 ** 20;
const CHILD = {
  mode: "transport",
  local_ts: "dynamic",
  remote_ts: "dynamic",
  per_cpu_sas: true,
  start_action: "trap",
  esp_proposals: ["aes128gcm16-x25519"],
};
const DAEMON = { cpus: 2, tun: { name: "hawser0" } };
const FOUND_WRONG = [
  "frame.number",
  "frame.time_relative",
  "frame.len",
  "ip.src",
  "ipv6.src",
  "icmpv6.type",
  "esp.spi",
  "esp.sequence",
] as const;
const NEIGHBOUR_DISCOVERY = "(icmpv6.type >= 133 && icmpv6.type <= 143)";

function startBoth(hosts: Hosts, encap: boolean): Promise<[Hawser, Hawser]> {
  const settings = { connection: { encap }, child: CHILD, daemon: DAEMON };
  return Promise.all([Hawser.start(hosts, hosts.left, settings), Hawser.start(hosts, hosts.right, settings)]);
}

/** From each CPU of both ends; every ping must be answered. */
async function pingFromEveryCpu({ left, right }: Hosts): Promise<void> {
  const echo = await Echo.start(left, right);
  const all = [left, right].flatMap((from) =>
    [0, 1].map((cpu) => echo.ping(from, from === left ? right : left, { cpu, rounds: 10, flows: 4 })),
  );
  for (const result of await Promise.all(all)) assert.deepEqual(result, { sent: 40, received: 40 });
  echo.stop();
}

const rulesOf = ({ namespace }: DemoHost): number => new Network(namespace).ownRules().length;

const count = (dissection: Dissection, filter: string): number => dissection.fields(filter, ["frame.number"]).length;

describe("transport mode", { skip: missing("ping", "tshark", "tcpdump") }, () => {
  for (const family of [4, 6] as const) {
    for (const encap of [true, false]) {
      it(`over IPv${family}, ${encap ? "in UDP" : "without UDP"}: ESP and IKE alone are on the cable`, async () => {
        const hosts = makeHostsWithoutNetworks(family);
        try {
          const { left, right, scratch } = hosts;
          const cable = join(scratch, "cable.pcap");
          const [a, b] = await startBoth(hosts, encap);
          const capture = await Capture.start(hosts, cable);
          assert.equal(await icmpPing(left, right, 5, 1300), 5, "the first ping brings the Child SA up");
          await pingFromEveryCpu(hosts);
          await transfer(left, right, 8 * MEBIBYTE);
          await transfer(right, left, 4 * MEBIBYTE);
          for (const end of [a, b]) {
            const { endpoint } = await end.until("a Child SA on each CPU", (status) => status.endpoint.childSas.length >= 2);
            for (const { mode } of endpoint.childSas) assert.equal(mode, "transport");
            assert.equal((await end.ikeSa()).encapsulation, encap ? "udp" : "none");
          }
          await a.ask({ verb: "rekey-child", childSa: (await a.childSas())[0]?.id ?? 0 });
          await a.until("the Child SA is rekeyed", ({ endpoint }) => endpoint.childSas.every(({ state }) => state === "INSTALLED"));
          await pingFromEveryCpu(hosts);
          await capture.stop();
          assert.deepEqual([(await a.status()).dataPlane.drops, (await b.status()).dataPlane.drops], [{}, {}]);
          assert.deepEqual([await a.down(), await b.down()], [0, 0]);
          assert.deepEqual([left, right].map(rulesOf), [0, 0]);
          assert.equal(await icmpPing(left, right, 1, 56), 1, "and in the clear, when all is over");

          const seen = new Dissection(cable, [a.keyLog, b.keyLog]);
          assert.ok(count(seen, "esp && tcp") > 500);
          assert.equal(count(seen, `!esp && !isakmp && !udpencap && !arp && !${NEIGHBOUR_DISCOVERY}`), 0);
          assert.deepEqual(seen.fields("esp && !(esp.icv_good == 1)", FOUND_WRONG), [], "Wireshark finds every ICV right");
          assert.equal(count(seen, "esp.protocol == 4 || esp.protocol == 41"), 0, "no IP header is within");
        } finally {
          hosts.remove();
        }
      });
    }
  }

  it("daemons that were killed leave the way between their hosts open, and the next ones tidy up", async () => {
    const hosts = makeHostsWithoutNetworks(4);
    try {
      const { left, right } = hosts;
      const killed = await startBoth(hosts, true);
      assert.equal(await icmpPing(left, right, 1, 56), 1);
      await Promise.all(killed.map((end) => end.signal("SIGKILL")));
      assert.deepEqual([left, right].map(rulesOf), [1, 1], "what is left behind");
      assert.equal(await icmpPing(left, right, 1, 56), 1, "is in nobody's way");
      const [a, b] = await startBoth(hosts, true);
      for (const end of [a, b]) assert.match(end.log, /removed the routing rule for table \d+ that an earlier run had left/);
      assert.deepEqual([left, right].map(rulesOf), [1, 1]);
      assert.equal(await icmpPing(left, right, 2, 56), 2);
      assert.equal((await a.childSa()).mode, "transport");
      assert.deepEqual([await a.down(), await b.down()], [0, 0]);
      assert.deepEqual([left, right].map(rulesOf), [0, 0]);
    } finally {
      hosts.remove();
    }
  });
});
