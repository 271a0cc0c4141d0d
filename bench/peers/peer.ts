/** What a user-space tunnel must be able to do to be compared with. */
import { setTimeout as sleep } from "node:timers/promises";
import { runTool } from "../../src/demo/traffic-process.ts";
import { inNamespace } from "../../src/host/linux/namespaces.ts";
import type { HostPair } from "../lab/hosts.ts";
import type { PeerRoot } from "./chroot.ts";

export interface Peer {
  /** Part of a namespace's name. */
  readonly name: string;
  /** How many times as fast Hawser is to be. */
  readonly aim?: number;
  /** Lays the tunnel between the hosts' inner addresses. @throws Error with the peer's last words */
  readonly lay: (hosts: HostPair, root: PeerRoot) => Promise<{ readonly version: string }>;
}

const PATIENCE = 10_000;
const POLL_INTERVAL = 100;

/** Waits until the right host's inner address answers. @throws Error with what the peer has said */
export async function awaitTunnel([left, right]: HostPair, said: () => string): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (Date.now() < deadline) {
    try {
      await runTool(inNamespace(left.namespace, "ping", "-n", "-c", "1", "-W", "1", right.innerAddress));
      return;
    } catch {
      await sleep(POLL_INTERVAL);
    }
  }
  throw new Error(`The tunnel does not come up: ${said().trim().split("\n").slice(-3).join(" / ")}`);
}

/** Waits until the network device is there. @throws Error with what the peer has said */
export async function awaitDevice(namespace: string, device: string, said: () => string): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (Date.now() < deadline) {
    try {
      await runTool(inNamespace(namespace, "ip", "link", "show", "dev", device));
      return;
    } catch {
      await sleep(POLL_INTERVAL);
    }
  }
  throw new Error(`The device ${device} does not appear: ${said().trim().split("\n").slice(-3).join(" / ")}`);
}
