/** wireguard-go: WireGuard in user space, in Go, with segmentation offloads. */
import { writeFileSync } from "node:fs";
import type { DemoHost } from "../../src/demo/topology.ts";
import { runTool } from "../../src/demo/traffic-process.ts";
import { inNamespace } from "../../src/host/linux/namespaces.ts";
import { TUNNEL_MTU } from "../lab/hosts.ts";
import type { PeerRoot } from "./chroot.ts";
import { awaitDevice, awaitTunnel } from "./peer.ts";
import type { Peer } from "./peer.ts";

const PORT = 51820;

export const WIREGUARD_GO: Peer = {
  name: "wireguard-go",
  aim: 3,
  lay: async (hosts, root) => {
    const [left, right] = hosts;
    const version = (await root.run(left, "wireguard-go", "--version")).split("\n")[0] ?? "";
    const ends = [];
    for (const host of [left, right]) ends.push(await start(host, root));
    const [one, other] = ends;
    if (one === undefined || other === undefined) throw new Error("a tunnel has two ends");
    for (const [self, peer] of [
      [one, other],
      [other, one],
    ] as const) {
      const target = ["peer", peer.publicKey, "allowed-ips", peer.host.innerNetwork, "endpoint", `${peer.host.outerAddress}:${PORT}`];
      await root.run(self.host, "wg", "set", self.device, "private-key", self.keyFile, "listen-port", String(PORT), ...target);
      const ip = (...parameters: string[]): Promise<string> => runTool(inNamespace(self.host.namespace, "ip", ...parameters));
      await ip("address", "add", `${self.host.innerAddress}/8`, "dev", self.device);
      await ip("link", "set", "dev", self.device, "mtu", String(TUNNEL_MTU), "up");
    }
    await awaitTunnel(hosts, () => one.said() + other.said());
    return { version };
  },
};

interface End {
  readonly host: DemoHost;
  readonly device: string;
  readonly keyFile: string;
  readonly publicKey: string;
  readonly said: () => string;
}

async function start(host: DemoHost, root: PeerRoot): Promise<End> {
  // Both ends have one folder for their control sockets, which are named after the devices.
  const device = `wg${host.end}`;
  const keyFile = `/tmp/${device}.key`;
  const key = await root.run(host, "wg", "genkey");
  writeFileSync(root.path(keyFile), key, { mode: 0o600 });
  const publicKey = (await root.run(host, "sh", "-c", `wg pubkey < ${keyFile}`)).trim();
  const said = root.serve(host, "wireguard-go", "-f", device);
  await awaitDevice(host.namespace, device, said);
  return { host, device, keyFile, publicKey, said };
}
