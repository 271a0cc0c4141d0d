/** strongSwan 5.9 through address translation: behind the masquerading gateway, and before it; rekeyed from both ends; a NAT that changes its address. */
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { makeNattedHosts, type NattedHosts } from "../e2e/support/nat.ts";
import { CHILD, CONNECTION, Hawser, identityOf } from "./support/hawser.ts";
import { peerRoot } from "./support/peer-root.ts";
import { StrongSwan } from "./support/strongswan.ts";
import { bulk, Echo } from "./support/traffic.ts";
import { until } from "./support/until.ts";

const { root = "", skip } = peerRoot("strongswan", "nft", "sysctl", "iperf3");

/** Octets that show that TCP got going. */
const BULK_ENOUGH = 1_000_000;

/** Every ping of both ends is answered. */
async function pingBothWays(echo: Echo, { left, right }: NattedHosts): Promise<void> {
  const results = await Promise.all([echo.ping(left, right), echo.ping(right, left)]);
  for (const { sent, received } of results) assert.equal(received, sent);
}

async function rekeyFromBothEnds(hawser: Hawser, strongSwan: StrongSwan): Promise<void> {
  const rekeys = [
    async () => hawser.ask({ verb: "rekey-child", childSa: (await hawser.childSa()).id }),
    () => strongSwan.swanctl("--rekey", "--child", CHILD),
    async () => hawser.ask({ verb: "rekey-ike", ikeSa: (await hawser.ikeSa()).id }),
    () => strongSwan.swanctl("--rekey", "--ike", CONNECTION),
  ];
  for (const rekey of rekeys) {
    await rekey();
    await hawser.until("one SA of each kind", ({ endpoint }) => endpoint.ikeSas.length === 1 && endpoint.childSas.length === 1);
    await until("strongSwan has one IKE SA", async () => ((await strongSwan.ikeSaCount()) === 1 ? true : undefined));
  }
}

describe("strongSwan and a masquerading gateway", { skip }, () => {
  it("strongSwan behind it: comes up, carries pings and bulk, is rekeyed, and is followed when the gateway changes its address", async () => {
    const hosts = makeNattedHosts("initiator");
    try {
      const { left, right, leftGateway } = hosts;
      const [hawser, strongSwan] = await Promise.all([
        Hawser.start(hosts, right, { connection: { remote_addrs: ["%any"], remote: { auth: "psk", id: identityOf(left) } } }),
        // It would tell of new addresses itself; this is about what the other end sees.
        StrongSwan.start(root, hosts, left, { connection: ["mobike = no"] }),
      ]);
      await strongSwan.initiate();
      const echo = await Echo.start(left, right);
      await pingBothWays(echo, hosts);
      const { natHere, natThere, remote } = await hawser.ikeSa();
      assert.deepEqual([natHere, natThere, remote.address], [false, true, leftGateway.address]);
      for (const [from, to] of [
        [left, right],
        [right, left],
      ] as const)
        assert.ok((await bulk(from, to, 1)).octets > BULK_ENOUGH);
      await rekeyFromBothEnds(hawser, strongSwan);
      await pingBothWays(echo, hosts);
      leftGateway.changeAddress("192.0.2.11");
      // The first packets of strongSwan's tell that it has moved.
      await echo.ping(left, right);
      assert.equal((await hawser.ikeSa()).remote.address, "192.0.2.11");
      await pingBothWays(echo, hosts);
      echo.stop();
    } finally {
      hosts.remove();
    }
  });

  it("Hawser behind it: comes up, carries pings and bulk, is rekeyed", async () => {
    const hosts = makeNattedHosts("initiator");
    try {
      const { left, right } = hosts;
      const [hawser, strongSwan] = await Promise.all([
        Hawser.start(hosts, left),
        StrongSwan.start(root, hosts, right, { connection: ["remote_addrs = %any", "mobike = no"] }),
      ]);
      await hawser.initiate();
      const echo = await Echo.start(left, right);
      await pingBothWays(echo, hosts);
      assert.equal((await hawser.ikeSa()).natHere, true);
      for (const [from, to] of [
        [left, right],
        [right, left],
      ] as const)
        assert.ok((await bulk(from, to, 1)).octets > BULK_ENOUGH);
      await rekeyFromBothEnds(hawser, strongSwan);
      await pingBothWays(echo, hosts);
      echo.stop();
    } finally {
      hosts.remove();
    }
  });
});
