/** Tunnels through address translation (RFC 7296 §2.23, RFC 3948): a masquerading gateway before one end, before the other, before both. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DaemonStatus, IkeSaStatus } from "../../src/daemon/status.ts";
import { nodeCommand } from "../../src/demo/daemon-process.ts";
import { runTool } from "../../src/demo/traffic-process.ts";
import { inNamespace } from "../../src/host/linux/namespaces.ts";
import { Hawser, identityOf, type HawserSettings } from "../interop/support/hawser.ts";
import { missing } from "../interop/support/requirements.ts";
import { Echo, ROUND_INTERVAL } from "../interop/support/traffic.ts";
import { sleep } from "../interop/support/until.ts";
import { makeNattedHosts, OUTSIDE_PORTS, type NattedHosts, type Position } from "./support/nat.ts";
import { transfer } from "./support/transfer.ts";

const MEBIBYTE = 2 ** 20;

const CASES: readonly { readonly position: Position; readonly isLeftHidden: boolean; readonly isRightHidden: boolean }[] = [
  { position: "nobody", isLeftHidden: false, isRightHidden: false },
  { position: "initiator", isLeftHidden: true, isRightHidden: false },
  { position: "responder", isLeftHidden: false, isRightHidden: true },
  { position: "both", isLeftHidden: true, isRightHidden: true },
];

/** Both daemons; left initiates, right answers whoever proves to be left. */
async function startDaemons(hosts: NattedHosts, settings: HawserSettings = {}): Promise<readonly [Hawser, Hawser]> {
  const { left, right, rightFromOutside } = hosts;
  const common = { child: { per_cpu_sas: true }, daemon: { cpus: 2, ...settings.daemon } };
  const [a, b] = await Promise.all([
    Hawser.start(hosts, left, { ...common, connection: { remote_addrs: [rightFromOutside], ...settings.connection } }),
    Hawser.start(hosts, right, {
      ...common,
      connection: { remote_addrs: ["%any"], remote: { auth: "psk", id: identityOf(left) }, ...settings.connection },
    }),
  ]);
  await a.initiate();
  return [a, b];
}

interface Natted {
  readonly hosts: NattedHosts;
  readonly a: Hawser;
  readonly b: Hawser;
  readonly echo: Echo;
}

/** A tunnel that is up, with echo servers at both ends, for the time of `body`. `prepare`: before anything is sent. */
async function withTunnel(
  position: Position,
  body: (natted: Natted) => Promise<void>,
  { settings, prepare }: { readonly settings?: HawserSettings; readonly prepare?: (hosts: NattedHosts) => void } = {},
): Promise<void> {
  const hosts = makeNattedHosts(position);
  try {
    prepare?.(hosts);
    const [a, b] = await startDaemons(hosts, settings);
    const echo = await Echo.start(hosts.left, hosts.right);
    await body({ hosts, a, b, echo });
    echo.stop();
  } finally {
    hosts.remove();
  }
}

/** From each CPU of both ends; every ping must be answered. */
async function pingFromEveryCpu(echo: Echo, { left, right }: NattedHosts): Promise<void> {
  const all = [left, right].flatMap((from) =>
    [0, 1].map((cpu) => echo.ping(from, from === left ? right : left, { cpu, rounds: 10, flows: 4 })),
  );
  for (const result of await Promise.all(all)) assert.deepEqual(result, { sent: 40, received: 40 });
}

/** Waits until nothing is being replaced any more. */
function settled(end: Hawser): Promise<DaemonStatus> {
  return end.until(
    "there is one IKE SA, and every SA is in use",
    ({ endpoint: { ikeSas, childSas } }) =>
      ikeSas.length === 1 && ikeSas[0]?.state === "ESTABLISHED" && childSas.every(({ state }) => state === "INSTALLED"),
  );
}

function isOutsidePort({ remote }: IkeSaStatus): boolean {
  return remote.port >= OUTSIDE_PORTS.first && remote.port <= OUTSIDE_PORTS.last;
}

describe("a tunnel through gateways that translate addresses", { skip: missing("nft", "sysctl") }, () => {
  for (const { position, isLeftHidden, isRightHidden } of CASES) {
    it(`with a NAT before ${position}: it comes up, carries both ways on every CPU, and is rekeyed`, () =>
      withTunnel(position, async ({ hosts, a, b, echo }) => {
        const { left, right } = hosts;
        await pingFromEveryCpu(echo, hosts);

        const [here, there] = [await a.ikeSa(), await b.ikeSa()];
        assert.deepEqual([here.natHere, there.natHere], [isLeftHidden, isRightHidden], "each end knows whether it is behind a NAT");
        assert.deepEqual(here.remote, { address: hosts.rightFromOutside, port: 4500 });
        assert.equal(there.remote.address, hosts.leftFromOutside);
        assert.equal(isOutsidePort(there), isLeftHidden, `left is seen at port ${there.remote.port}`);

        await transfer(left, right, 4 * MEBIBYTE);
        await transfer(right, left, 4 * MEBIBYTE);

        for (const end of [a, b]) {
          await end.ask({ verb: "rekey-child", childSa: (await settled(end)).endpoint.childSas[0]?.id ?? 0 });
          await end.ask({ verb: "rekey-ike", ikeSa: (await settled(end)).endpoint.ikeSas[0]?.id ?? 0 });
          for (const each of [a, b]) await settled(each);
        }
        await pingFromEveryCpu(echo, hosts);
        assert.deepEqual([(await a.status()).dataPlane.drops, (await b.status()).dataPlane.drops], [{}, {}]);
        assert.deepEqual([await a.down(), await b.down()], [0, 0]);
      }));
  }

  for (const { interval, isKept } of [
    { interval: "1s", isKept: true },
    { interval: 0, isKept: false },
  ]) {
    it(`a mapping that lives 4 s ${isKept ? "is kept alive by keepalives" : "is lost without keepalives"}`, () =>
      withTunnel(
        "initiator",
        async ({ hosts: { left, right }, b, echo }) => {
          await b.until("right has the tunnel", ({ endpoint }) => endpoint.childSas.length > 0);
          await sleep(8000);
          // The end that is not behind the NAT speaks first.
          const { sent, received } = await echo.ping(right, left, { rounds: 1, flows: 4 });
          assert.equal(received, isKept ? sent : 0);
        },
        { settings: { daemon: { nat_keepalive: interval } }, prepare: ({ leftGateway }) => leftGateway.forgetAfter(4) },
      ));
  }

  it("the NAT gets another address under traffic: the tunnel follows, with every Child SA", () =>
    withTunnel("initiator", async ({ hosts, b, echo }) => {
      const { left, right, leftGateway } = hosts;
      await pingFromEveryCpu(echo, hosts);
      const rounds = 100;
      const pings = Promise.all([0, 1].map((cpu) => echo.ping(left, right, { cpu, rounds, flows: 2 })));
      await sleep((rounds * ROUND_INTERVAL) / 4);
      leftGateway.changeAddress("192.0.2.11");
      await b.until("right has followed", ({ endpoint }) => endpoint.ikeSas.every(({ remote }) => remote.address === "192.0.2.11"));
      await pings;
      assert.ok(isOutsidePort(await b.ikeSa()));
      assert.match(b.log, /moved from 192\.0\.2\.1:\d+ to 192\.0\.2\.11:\d+/);
      await pingFromEveryCpu(echo, hosts);
    }));

  it("both ends are behind a NAT, and one gets another address: MOBIKE finds out and tells (RFC 4555 §3.8)", () =>
    withTunnel(
      "both",
      async ({ hosts, b, echo }) => {
        await pingFromEveryCpu(echo, hosts);
        hosts.leftGateway.changeAddress("192.0.2.11");
        await b.until(
          "right has followed",
          ({ endpoint }) => endpoint.ikeSas.every(({ remote }) => remote.address === "192.0.2.11"),
          30_000,
        );
        await pingFromEveryCpu(echo, hosts);
      },
      { settings: { connection: { dpd_delay: "1s" } } },
    ));

  it("nobody is followed who only sends from elsewhere what he cannot authenticate", () =>
    withTunnel("initiator", async ({ hosts, b, echo }) => {
      const { right, leftGateway } = hosts;
      await pingFromEveryCpu(echo, hosts);
      const before = (await b.ikeSa()).remote;
      const { spiIn } = (await b.childSas())[0] ?? { spiIn: 0 };
      // On the way, with the right SPI, from another port: keepalives, garbage, and ESP that nobody has sealed.
      await runTool(
        inNamespace(
          leftGateway.namespace,
          ...nodeCommand("../../test/e2e/support/stranger-main", right.outerAddress, "400", spiIn.toString(16)),
        ),
      );
      const { dataPlane } = await b.status();
      assert.ok((dataPlane.drops.InStateProtoError ?? 0) > 0, JSON.stringify(dataPlane.drops));
      assert.deepEqual((await b.ikeSa()).remote, before);
      await pingFromEveryCpu(echo, hosts);
    }));
});
