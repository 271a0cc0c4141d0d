/** MOBIKE (RFC 4555) on real hosts: an end gets another address while packets flow, and the tunnel stays. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DemoHost } from "../../src/demo/topology.ts";
import { Iproute } from "../../src/host/linux/iproute.ts";
import { Hawser, type HawserSettings } from "../interop/support/hawser.ts";
import { makeHosts, type Hosts } from "../interop/support/hosts.ts";
import { missing } from "../interop/support/requirements.ts";
import { Echo, ROUND_INTERVAL } from "../interop/support/traffic.ts";
import { sleep } from "../interop/support/until.ts";
import { transfer } from "./support/transfer.ts";

const NEW_ADDRESS = "192.0.2.77";

const SETTINGS: HawserSettings = {
  // Whatever address the host has on the cable.
  connection: { local_addrs: ["192.0.2.0/24"] },
  child: { per_cpu_sas: true },
  daemon: { cpus: 2, log_level: "info" },
};

/** The host loses its address on the cable, and has another one a moment later. */
function changeAddress({ namespace, device }: DemoHost, from: string, to: string): void {
  const ip = new Iproute(namespace);
  ip.run("take the address away", "address", "delete", `${from}/24`, "dev", device);
  ip.run("give another address", "address", "add", `${to}/24`, "dev", device);
}

/** From each CPU of both ends; every ping must be answered. */
async function pingFromEveryCpu(echo: Echo, { left, right }: Hosts): Promise<void> {
  const all = [left, right].flatMap((from) =>
    [0, 1].map((cpu) => echo.ping(from, from === left ? right : left, { cpu, rounds: 10, flows: 4 })),
  );
  for (const result of await Promise.all(all)) assert.deepEqual(result, { sent: 40, received: 40 });
}

describe("an end gets another address", { skip: missing() }, () => {
  for (const { who, movesRight, encap } of [
    { who: "initiator", movesRight: false, encap: true },
    { who: "responder", movesRight: true, encap: true },
    { who: "initiator without UDP", movesRight: false, encap: false },
    { who: "responder without UDP", movesRight: true, encap: false },
  ]) {
    it(`the ${who}, under traffic: the SAs of every CPU go on from there`, async () => {
      const hosts = makeHosts();
      try {
        const { left, right } = hosts;
        const settings = { ...SETTINGS, connection: { ...SETTINGS.connection, encap } };
        const [a, b] = await Promise.all([Hawser.start(hosts, left, settings), Hawser.start(hosts, right, settings)]);
        await a.initiate();
        const echo = await Echo.start(left, right);
        await pingFromEveryCpu(echo, hosts);
        const before = (await a.childSas()).map(({ spiIn }) => spiIn).sort();

        const rounds = 150;
        const pings = Promise.all([0, 1].map((cpu) => echo.ping(left, right, { cpu, rounds, flows: 2 })));
        await sleep((rounds * ROUND_INTERVAL) / 4);
        const [moving, mover, other] = movesRight ? ([right, b, a] as const) : ([left, a, b] as const);
        changeAddress(moving, moving.outerAddress, NEW_ADDRESS);
        await mover.until("it has moved", ({ endpoint }) => endpoint.ikeSas[0]?.local.address === NEW_ADDRESS);
        await other.until("the other end has followed", ({ endpoint }) => endpoint.ikeSas[0]?.remote.address === NEW_ADDRESS);
        await pings;

        await pingFromEveryCpu(echo, hosts);
        await transfer(left, right, 2 ** 20);
        await transfer(right, left, 2 ** 20);
        assert.deepEqual((await a.childSas()).map(({ spiIn }) => spiIn).sort(), before, "the same SAs");
        assert.deepEqual((await mover.status()).localAddresses, [NEW_ADDRESS]);
        for (const end of [a, b]) assert.equal((await end.ikeSa()).encapsulation, encap ? "udp" : "none");
        echo.stop();
        assert.deepEqual([await a.down(), await b.down()], [0, 0]);
      } finally {
        hosts.remove();
      }
    });
  }
});
