/** Real packets through a tunnel of two daemons: both IP versions outside and inside, every engine. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DaemonStatus } from "../../src/daemon/status.ts";
import { Network } from "../../src/host/linux/network.ts";
import { Hawser } from "../interop/support/hawser.ts";
import { makeHosts } from "../interop/support/hosts.ts";
import { missing } from "../interop/support/requirements.ts";
import { bulk, Echo } from "../interop/support/traffic.ts";
import { icmpPing, transfer } from "./support/transfer.ts";

const MEBIBYTE = 2 ** 20;

const TUNNELS = [
  { outer: 4, inner: 4, engine: "ipsec-mb", cipher: "aes128gcm16-esn" },
  { outer: 6, inner: 6, engine: "openssl", cipher: "chacha20poly1305" },
  { outer: 4, inner: 6, engine: "node", cipher: "aes256gcm16-esn" },
  { outer: 6, inner: 4, engine: "auto", cipher: "aes256gcm16" },
] as const;

/** Packets of ours that were dropped, but for padding; by reason. */
function drops({ dataPlane, endpoint }: DaemonStatus): Record<string, number> {
  const unexpected = Object.entries(dataPlane.drops).filter(([name]) => !(dataPlane.expectedDrops as string[]).includes(name));
  return Object.fromEntries([...unexpected, ...Object.entries(endpoint.counters.drops)]);
}

describe("a tunnel between two daemons", { skip: missing("ping", "iperf3") }, () => {
  for (const { outer, inner, engine, cipher } of TUNNELS) {
    it(`carries IPv${inner} over IPv${outer} with ${cipher} by ${engine}`, async () => {
      const hosts = makeHosts(outer, inner);
      try {
        const { left, right } = hosts;
        const settings = {
          child: { per_cpu_sas: true, esp_proposals: [cipher], start_action: "trap" },
          daemon: { engine, cpus: 2, log_level: "info" },
        };
        const [a, b] = await Promise.all([Hawser.start(hosts, left, settings), Hawser.start(hosts, right, settings)]);

        assert.equal(await icmpPing(left, right, 10, 56), 10, "the first ping brings the tunnel up and is not lost");
        assert.equal(await icmpPing(right, left, 5, 1300), 5);
        assert.equal(await icmpPing(left, right, 5, 9000), 5, "inner fragments pass");

        const echo = await Echo.start(left, right);
        for (const [from, to] of [
          [left, right],
          [right, left],
        ] as const) {
          for (const cpu of [0, 1]) assert.deepEqual(await echo.ping(from, to, { cpu, rounds: 10, flows: 8 }), { sent: 80, received: 80 });
        }
        echo.stop();
        for (const end of [a, b]) await end.until("a Child SA on each CPU", ({ endpoint }) => endpoint.childSas.length >= 2);

        await transfer(left, right, 24 * MEBIBYTE);
        await transfer(right, left, 8 * MEBIBYTE);
        const { octets } = await bulk(left, right, 1);
        assert.ok(octets > MEBIBYTE, `${octets} octets`);

        const final = await a.status();
        if (engine !== "auto") assert.equal(final.dataPlane.engine.name, engine);
        assert.deepEqual(drops(final), {});
        assert.deepEqual(drops(await b.status()), {});
        assert.deepEqual([await a.down(), await b.down()], [0, 0]);
        for (const { namespace } of [left, right]) {
          const network = new Network(namespace);
          assert.deepEqual(network.ownRoutes(), []);
          assert.ok(!network.addresses().some(({ device }) => device.startsWith("hawser")), "the TUN device is gone");
        }
      } finally {
        hosts.remove();
      }
    });
  }

  it("lowers what it lets in when the path becomes narrower, and loses no TCP to that", async () => {
    const hosts = makeHosts();
    try {
      const { left, right } = hosts;
      const [a, b] = await Promise.all([
        Hawser.start(hosts, left, { child: { start_action: "trap" }, daemon: { cpus: 1 } }),
        Hawser.start(hosts, right, { child: { start_action: "trap" }, daemon: { cpus: 1 } }),
      ]);
      assert.equal(await icmpPing(left, right, 3, 1400, "-M", "do"), 3);
      for (const { namespace, device } of [left, right]) new Network(namespace).setMtu(device, 1300);
      // The first packet that does not fit tells; from then on the kernel knows.
      await transfer(left, right, 4 * MEBIBYTE);
      const [route] = new Network(left.namespace).ownRoutes();
      assert.equal(route?.mtu, 1238, "1300 less IPv4, UDP, ESP, IV, trailer and ICV");
      assert.equal(await icmpPing(left, right, 3, 1400, "-M", "do"), 0, "too big with DF");
      assert.equal(await icmpPing(left, right, 3, 1400, "-M", "dont"), 3, "fragmented without");
      assert.deepEqual([await a.down(), await b.down()], [0, 0]);
    } finally {
      hosts.remove();
    }
  });
});
