/** scapy's ESP in the place of a peer: it opens what our kernels and engine sealed, and we open what it seals. */
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runTool } from "../../src/demo/traffic-process.ts";
import { inNamespace } from "../../src/host/linux/namespaces.ts";
import { Hawser } from "./support/hawser.ts";
import { makeHosts } from "./support/hosts.ts";
import { packageFile } from "./support/package-file.ts";
import { missing } from "./support/requirements.ts";
import { Echo } from "./support/traffic.ts";

/** Debian's own: modules of its packages are not seen by another one. */
const PYTHON = "/usr/bin/python3";
const PINGS = 20;

const hasScapy = spawnSync(PYTHON, ["-c", "import scapy.layers.ipsec, cryptography"]).status === 0;
const skip = missing() || (hasScapy ? false : "not installed: apt-get install python3-scapy python3-cryptography");

describe("scapy takes the place of a dead peer", { skip }, () => {
  for (const [proposal, esn] of [
    ["aes128gcm16", "noesn"],
    ["aes256gcm16-esn", "esn"],
  ] as const) {
    it(`pings through the tunnel with ${proposal}`, async (t) => {
      const hosts = makeHosts();
      t.after(() => hosts.remove());
      const { left, right } = hosts;
      const settings = { child: { esp_proposals: [proposal] } };
      const [hawser, dead] = await Promise.all([Hawser.start(hosts, left, settings), Hawser.start(hosts, right, settings)]);
      await hawser.initiate();
      const echo = await Echo.start(left);
      t.after(() => echo.stop());
      dead.kill();
      const addresses = [right.outerAddress, left.outerAddress, right.innerAddress, left.innerAddress];
      const peer = [PYTHON, packageFile("test/interop/support/scapy-peer.py"), join(hawser.keyLog, "esp_sa"), ...addresses];
      const report = await runTool(inNamespace(right.namespace, ...peer, String(PINGS), esn), 5000);
      assert.deepEqual(JSON.parse(report), { sent: PINGS, right: PINGS });
      const { packetsIn, packetsOut } = await hawser.childSa();
      assert.ok(packetsIn >= PINGS && packetsOut >= PINGS, `${packetsIn} in, ${packetsOut} out`);
    });
  }
});
