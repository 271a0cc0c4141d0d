/** scapy's ESP in the place of a peer: it opens what our kernels and engine sealed, and we open what it seals. */
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runTool } from "../../src/demo/traffic-process.ts";
import { inNamespace } from "../../src/host/linux/namespaces.ts";
import { Hawser } from "./support/hawser.ts";
import { makeHosts, makeHostsWithoutNetworks } from "./support/hosts.ts";
import { packageFile } from "./support/package-file.ts";
import { missing, skipFor } from "./support/requirements.ts";
import { Echo } from "./support/traffic.ts";

/** Debian's own: modules of its packages are not seen by another one. */
const PYTHON = "/usr/bin/python3";
const PINGS = 20;

const hasScapy = spawnSync(PYTHON, ["-c", "import scapy.layers.ipsec, cryptography"]).status === 0;
const skip = missing() || (hasScapy ? false : skipFor("not installed: apt-get install python3-scapy python3-cryptography"));

interface Case {
  readonly proposal: string;
  readonly esn: "esn" | "noesn";
  /** What our ESP goes in, and scapy's. */
  readonly ours: "udp" | "raw";
  readonly theirs: "udp" | "raw";
  readonly mode?: "transport";
}

const TRANSPORT = { mode: "transport", local_ts: "dynamic", remote_ts: "dynamic" };

describe("scapy takes the place of a dead peer", { skip }, () => {
  for (const { proposal, esn, ours, theirs, mode = "tunnel" } of [
    { proposal: "aes128gcm16", esn: "noesn", ours: "udp", theirs: "udp" },
    { proposal: "aes256gcm16-esn", esn: "esn", ours: "udp", theirs: "udp" },
    { proposal: "aes128gcm16", esn: "noesn", ours: "raw", theirs: "udp" },
    { proposal: "aes128gcm16", esn: "noesn", ours: "udp", theirs: "raw" },
    { proposal: "aes128-sha256", esn: "noesn", ours: "raw", theirs: "raw" },
    // Without ESN: scapy leaves the upper half of the sequence number out of a MAC of its own.
    { proposal: "aes256-sha512", esn: "noesn", ours: "udp", theirs: "udp" },
    { proposal: "aes192ctr-sha384", esn: "noesn", ours: "udp", theirs: "udp" },
    { proposal: "aes128-sha1", esn: "noesn", ours: "udp", theirs: "udp" },
    { proposal: "aes128gcm16", esn: "noesn", ours: "udp", theirs: "udp", mode: "transport" },
    { proposal: "aes128-sha256", esn: "noesn", ours: "raw", theirs: "raw", mode: "transport" },
  ] as const satisfies readonly Case[]) {
    it(`pings in ${mode} mode with ${proposal}, ours in ${ours}, its own in ${theirs}`, async (t) => {
      const isTransport = mode === "transport";
      const hosts = isTransport ? makeHostsWithoutNetworks() : makeHosts();
      t.after(() => hosts.remove());
      const { left, right } = hosts;
      const child = { esp_proposals: [proposal], ...(isTransport && TRANSPORT) };
      const settings = { connection: { encap: ours === "udp" }, child, ...(isTransport && { daemon: { tun: {} } }) };
      const [hawser, dead] = await Promise.all([Hawser.start(hosts, left, settings), Hawser.start(hosts, right, settings)]);
      await hawser.initiate();
      const echo = await Echo.start(left);
      t.after(() => echo.stop());
      dead.kill();
      const addresses = [right.outerAddress, left.outerAddress, right.innerAddress, left.innerAddress];
      const peer = [PYTHON, packageFile("test/interop/support/scapy-peer.py"), join(hawser.keyLog, "esp_sa"), ...addresses];
      const report = await runTool(inNamespace(right.namespace, ...peer, String(PINGS), esn, theirs, ours), 5000);
      assert.deepEqual(JSON.parse(report), { sent: PINGS, right: PINGS });
      const { packetsIn, packetsOut } = await hawser.childSa();
      assert.ok(packetsIn >= PINGS && packetsOut >= PINGS, `${packetsIn} in, ${packetsOut} out`);
    });
  }
});
