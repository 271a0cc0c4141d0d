/** How daemons come, live and go: exit statuses, commands, rekeys under traffic, hostile input, and what a killed one leaves. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { hawserCommand, nodeCommand } from "../../src/demo/daemon-process.ts";
import { runTool } from "../../src/demo/traffic-process.ts";
import { inNamespace } from "../../src/host/linux/namespaces.ts";
import { Network } from "../../src/host/linux/network.ts";
import { CHILD, CONNECTION, Hawser } from "../interop/support/hawser.ts";
import { makeHosts } from "../interop/support/hosts.ts";
import type { Hosts } from "../interop/support/hosts.ts";
import { missing } from "../interop/support/requirements.ts";
import { Echo, ROUND_INTERVAL } from "../interop/support/traffic.ts";
import { icmpPing } from "./support/transfer.ts";

const TRAP = { child: { per_cpu_sas: true, start_action: "trap" }, daemon: { cpus: 2 } };

/** Runs `hawser` in a host's namespace, perhaps behind another program. */
function hawser(namespace: string, parameters: readonly string[], before_: readonly string[] = []) {
  const [command = "", ...rest] = inNamespace(namespace, ...before_, ...hawserCommand(...parameters));
  const { status, stdout, stderr } = spawnSync(command, rest, { encoding: "utf8", timeout: 120_000 });
  return { status, stdout, stderr };
}

describe("a daemon", { skip: missing("ping", "setpriv") }, () => {
  let hosts: Hosts;
  before(() => (hosts = makeHosts()));
  after(() => hosts.remove());

  /** A configuration for the left host that differs from Hawser's in one thing. */
  function writeConfig(name: string, { localAddress = hosts.left.outerAddress, tun = "other0", daemon = "" } = {}): string {
    const directory = join(hosts.scratch, name);
    mkdirSync(directory, { recursive: true });
    const file = join(directory, "h.yaml");
    const text = `connections:
  c:
    local_addrs: ${localAddress}
    remote_addrs: ${hosts.right.outerAddress}
    local: { id: a.example }
    remote: { id: b.example }
    children: { net: { local_ts: ${hosts.left.innerNetwork}, remote_ts: ${hosts.right.innerNetwork} } }
secrets: { ike-b: { secret: sixteen octets.. } }
daemon: { control_socket: ${join(directory, "h.sock")}, tun: { name: ${tun} }${daemon} }
`;
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  it("says what keeps it from starting, each with its exit status", async () => {
    const { left, scratch } = hosts;
    const running = await Hawser.start(hosts, left);
    try {
      const same = hawser(left.namespace, ["up", "-c", join(scratch, left.end, "hawser.yaml")]);
      assert.equal(same.status, 5);
      assert.match(same.stderr, /A daemon already listens on .+; end it with: hawser down --socket/);
      const port = hawser(left.namespace, ["up", "-c", writeConfig("port")]);
      assert.equal(port.status, 5);
      assert.match(port.stderr, /hawser: Cannot bind UDP 192\.0\.2\.1:500: EADDRINUSE from bind – another IKE daemon seems to run here/);
      const file = writeConfig("device", { daemon: ", ike_port: 1500, nat_port: 14500", tun: "hawser0" });
      const device = hawser(left.namespace, ["up", "-c", file]);
      assert.equal(device.status, 5);
      assert.match(device.stderr, /hawser: Cannot create the TUN device hawser0: EBUSY/);
    } finally {
      assert.equal(await running.down(), 0);
    }
    const address = hawser(left.namespace, ["up", "-c", writeConfig("address", { localAddress: "203.0.113.9" })]);
    assert.equal(address.status, 2);
    assert.match(address.stderr, /local_addrs names 203\.0\.113\.9, but this host has only/);
    const privileges = hawser(
      left.namespace,
      ["up", "-c", writeConfig("nobody")],
      ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", "--"],
    );
    assert.equal(privileges.status, 3);
    assert.match(privileges.stderr, /needs CAP_NET_ADMIN: run as root/);
  });

  it("closes all SAs and takes everything down when it is asked to, by signal or by command", async () => {
    const { left, right } = hosts;
    const peer = await Hawser.start(hosts, right, TRAP);
    for (const end of [
      async (daemon: Hawser) => assert.equal(await daemon.signal("SIGTERM"), 0),
      async (daemon: Hawser) => assert.equal(await daemon.signal("SIGINT"), 0),
      async (daemon: Hawser) => assert.equal(await daemon.down(), 0),
    ]) {
      const daemon = await Hawser.start(hosts, left, TRAP);
      await daemon.initiate();
      assert.equal((await peer.ikeSas()).length, 1);
      await end(daemon);
      assert.deepEqual([(await peer.ikeSas()).length, (await peer.childSas()).length], [0, 0], "the peer was told");
      assert.deepEqual(traces(left.namespace), [], "no route, no device");
    }
    assert.equal(await peer.down(), 0);
  });

  it("proves to its peer that it was killed, as soon as the peer sends anything", async () => {
    const { left, right } = hosts;
    const peer = await Hawser.start(hosts, right, TRAP);
    const first = await Hawser.start(hosts, left, TRAP);
    assert.equal(await icmpPing(right, left, 2, 56), 2);
    await first.signal("SIGKILL");
    const second = await Hawser.start(hosts, left, TRAP);
    const old = (await peer.ikeSa()).id;
    // The first packets are lost on the old SA; what comes back for them is the proof.
    await icmpPing(right, left, 3, 56);
    await peer.until("the old IKE SA is gone", ({ endpoint: { ikeSas } }) => ikeSas.every(({ id }) => id !== old));
    assert.match(peer.log, /is closed by the peer: the peer has started anew \(QUICK_CRASH_DETECTION\)/);
    assert.equal(await icmpPing(right, left, 2, 56), 2);
    assert.deepEqual([await second.down(), await peer.down()], [0, 0]);
  });

  it("starts again after it was killed, and the tunnel with it", async () => {
    const { left, right } = hosts;
    const peer = await Hawser.start(hosts, right, TRAP);
    const first = await Hawser.start(hosts, left, TRAP);
    assert.equal(await icmpPing(left, right, 2, 56), 2);
    const socket = join(hosts.scratch, left.end, "hawser.sock");
    await first.signal("SIGKILL");
    assert.ok(existsSync(socket), "it left its control socket");
    const second = await Hawser.start(hosts, left, TRAP);
    assert.equal(await icmpPing(left, right, 3, 56), 3, "a new SA, though the peer still has the old one");
    assert.deepEqual([await second.down(), await peer.down()], [0, 0]);
    assert.deepEqual(traces(left.namespace), []);
  });

  it("does what it is told over its control socket", async () => {
    const { left, right } = hosts;
    const [a, b] = await Promise.all([
      Hawser.start(hosts, left, { daemon: { cpus: 2 } }),
      Hawser.start(hosts, right, { daemon: { cpus: 2 } }),
    ]);
    const verb = (...parameters: string[]) =>
      hawser(left.namespace, [...parameters, "--socket", join(hosts.scratch, left.end, "hawser.sock")]);
    assert.deepEqual(verb("initiate", CONNECTION), { status: 0, stdout: `${CONNECTION} is up.\n`, stderr: "" });
    const report = verb("status");
    assert.equal(report.status, 0);
    assert.match(report.stdout, new RegExp(`^${CONNECTION}: up\n {2}IKE SA #\\d+ ESTABLISHED`, "m"));
    const json = JSON.parse(verb("status", "--json").stdout) as { endpoint: { childSas: { id: number }[] } };
    const [{ id } = { id: -1 }] = json.endpoint.childSas;
    assert.equal(verb("rekey", "--child-id", String(id)).status, 0);
    await a.until("the Child SA is rekeyed", ({ endpoint }) => endpoint.childSas.length === 1 && endpoint.childSas[0]?.id !== id);
    assert.equal(verb("terminate", CONNECTION, CHILD).status, 0);
    await b.until("the Child SA is closed", ({ endpoint }) => endpoint.childSas.length === 0 && endpoint.ikeSas.length === 1);
    assert.equal(verb("terminate", CONNECTION).status, 0);
    await b.until("the IKE SA is closed", ({ endpoint }) => endpoint.ikeSas.length === 0);
    for (const wrong of [
      ["initiate", "nobody"],
      ["terminate", "nobody"],
      ["rekey", "--child-id", "999999"],
      ["initiate", CONNECTION, "nobody"],
    ]) {
      const { status, stdout, stderr } = verb(...wrong);
      assert.deepEqual([status, stdout], [1, ""], wrong.join(" "));
      assert.match(stderr, /^hawser: .+\.\n$/);
    }
    assert.deepEqual(verb("down"), { status: 0, stdout: "The daemon has ended.\n", stderr: "" });
    assert.equal(verb("status").status, 4);
    assert.equal(await b.down(), 0);
  });

  it("says at once why a connection does not come up", async () => {
    const { left, right } = hosts;
    const [a, b] = await Promise.all([
      Hawser.start(hosts, left, {}),
      Hawser.start(hosts, right, { connection: { remote: { auth: "psk", id: "stranger.example" } } }),
    ]);
    await assert.rejects(a.initiate(), /AUTHENTICATION_FAILED/i);
    assert.deepEqual([(await a.childSas()).length, (await b.childSas()).length], [0, 0]);
    assert.deepEqual([await a.down(), await b.down()], [0, 0]);
  });

  it("rekeys Child SAs and the IKE SA under traffic without losing a packet", async () => {
    const { left, right } = hosts;
    const [a, b] = await Promise.all([Hawser.start(hosts, left, TRAP), Hawser.start(hosts, right, TRAP)]);
    const echo = await Echo.start(right);
    await a.initiate();
    const rounds = 150;
    const pings = Promise.all([0, 1].map((cpu) => echo.ping(left, right, { cpu, rounds, flows: 4 })));
    const deadline = Date.now() + rounds * ROUND_INTERVAL;
    let rekeys = 0;
    const first = await a.status();
    while (Date.now() < deadline) {
      const { endpoint } = await a.status();
      const [childSa, ikeSa] = [endpoint.childSas[rekeys % 2], endpoint.ikeSas[0]];
      // An SA that is being rekeyed just now is no news.
      const requests = [
        ...(childSa === undefined ? [] : [a.ask({ verb: "rekey-child", childSa: childSa.id })]),
        ...(ikeSa === undefined || rekeys % 3 > 0
          ? []
          : [b.status().then(({ endpoint: { ikeSas } }) => b.ask({ verb: "rekey-ike", ikeSa: ikeSas[0]?.id ?? 0 }))]),
      ];
      await Promise.allSettled(requests);
      rekeys++;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    for (const { sent, received } of await pings) assert.equal(received, sent);
    echo.stop();
    const last = await a.status();
    assert.notEqual(last.endpoint.ikeSas[0]?.id, first.endpoint.ikeSas[0]?.id, "the IKE SA was rekeyed");
    const before = new Set(first.endpoint.childSas.map(({ id }) => id));
    assert.ok(last.endpoint.childSas.length >= 2 && last.endpoint.childSas.every(({ id }) => !before.has(id)), "each Child SA was rekeyed");
    for (const end of [a, b]) assert.deepEqual((await end.status()).dataPlane.drops, {});
    assert.deepEqual([await a.down(), await b.down()], [0, 0]);
  });

  it("counts what strangers throw at it, and goes on", async () => {
    const { left, right } = hosts;
    const [a, b] = await Promise.all([Hawser.start(hosts, left, TRAP), Hawser.start(hosts, right, TRAP)]);
    assert.equal(await icmpPing(left, right, 1, 56), 1);
    const [command = "", ...parameters] = inNamespace(
      right.namespace,
      ...nodeCommand("../../test/e2e/support/stranger-main", left.outerAddress, "400"),
    );
    await runTool([command, ...parameters]);
    const { endpoint, dataPlane } = await a.status();
    assert.ok((endpoint.counters.drops["malformed"] ?? 0) > 0, JSON.stringify(endpoint.counters.drops));
    assert.ok((dataPlane.drops.InNoStates ?? 0) > 0, JSON.stringify(dataPlane.drops));
    assert.doesNotMatch(a.log, /mistake in the program/);
    assert.equal(await icmpPing(left, right, 2, 56), 2);
    assert.deepEqual([await a.down(), await b.down()], [0, 0]);
  });
});

/** What a daemon leaves in a host when it does not clean up: routes and devices. */
function traces(namespace: string): string[] {
  const network = new Network(namespace);
  return [
    ...network.ownRoutes().map(({ destination }) => destination),
    ...network.addresses().flatMap(({ device }) => (device === "hawser0" ? [device] : [])),
  ];
}
