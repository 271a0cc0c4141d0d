/** strongSwan with its user-space ESP (kernel-libipsec). */
import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { DemoHost } from "../../src/demo/topology.ts";
import { runTool } from "../../src/demo/traffic-process.ts";
import { inNamespace } from "../../src/host/linux/namespaces.ts";
import type { PeerRoot } from "./chroot.ts";
import { awaitTunnel } from "./peer.ts";
import type { Peer } from "./peer.ts";

const PATIENCE = 10_000;
const POLL_INTERVAL = 100;

export const STRONGSWAN: Peer = {
  name: "strongswan",
  aim: 20,
  lay: async (hosts, root) => {
    const [left, right] = hosts;
    const logs = [left, right].map((host) => root.serve(host, "sh", "-c", `STRONGSWAN_CONF=${file(host, "conf")} exec ${CHARON}`));
    const said = (): string => logs.map((log) => log()).join("");
    const ends = [
      { self: left, peer: right },
      { self: right, peer: left },
    ];
    for (const { self, peer } of ends) configure(self, peer, root);
    for (const { self } of ends) {
      await runTool(inNamespace(self.namespace, "ip", "address", "add", `${self.innerAddress}/32`, "dev", "lo"));
      await whenListening(() => swanctl(root, self, "--load-all", "--file", file(self, "swanctl")), said);
    }
    const version = /\d+\.\d[\w.]*/.exec(await swanctl(root, left, "--version", "--daemon"))?.[0] ?? "of unknown version";
    await swanctl(root, left, "--initiate", "--child", "net");
    await awaitTunnel(hosts, said);
    return { version: `strongSwan ${version}` };
  },
};

const CHARON = "charon-systemd";
const file = (host: DemoHost, kind: string): string => `/tmp/strongswan-${host.end}.${kind}`;
const socketOf = (host: DemoHost): string => `unix://${file(host, "vici")}`;

function swanctl(root: PeerRoot, host: DemoHost, verb: string, ...parameters: readonly string[]): Promise<string> {
  return root.run(host, "swanctl", verb, "--uri", socketOf(host), ...parameters);
}

function configure(self: DemoHost, peer: DemoHost, root: PeerRoot): void {
  mkdirSync(root.path("etc/swanctl"), { recursive: true });
  writeFileSync(
    root.path(file(self, "conf")),
    `charon-systemd {
  load = random nonce openssl gcm kernel-libipsec kernel-netlink socket-default vici updown
  plugins { vici { socket = ${socketOf(self)} } }
}
`,
  );
  writeFileSync(
    root.path(file(self, "swanctl")),
    `connections {
  bench {
    version = 2
    local_addrs = ${self.outerAddress}
    remote_addrs = ${peer.outerAddress}
    proposals = aes128gcm16-prfsha256-x25519
    local { auth = psk
      id = ${self.end}.bench }
    remote { auth = psk
      id = ${peer.end}.bench }
    children { net { local_ts = ${self.innerNetwork}
      remote_ts = ${peer.innerNetwork}
      esp_proposals = aes128gcm16 } }
  }
}
secrets { ike-bench { secret = "a secret of the benchmark's own" } }
`,
  );
}

async function whenListening(attempt: () => Promise<unknown>, said: () => string): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (Date.now() >= deadline) throw new Error(`${String(error)}: ${said().trim().split("\n").slice(-3).join(" / ")}`, { cause: error });
      await sleep(POLL_INTERVAL);
    }
  }
}
