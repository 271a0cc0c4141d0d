/** The two hosts: network namespaces, a cable that the tunnel runs over, and another one to compare with. */
import { spawnSync } from "node:child_process";
import { createNamespace, deleteNamespace, layCable } from "../host/linux/namespaces.ts";
import { namespaces } from "../host/linux/namespaces.ts";

export interface DemoHost {
  readonly end: "left" | "right";
  readonly namespace: string;
  /** Device and address of the cable that carries the tunnel. */
  readonly device: string;
  readonly outerAddress: string;
  /** Address on the TUN device, and the network that the tunnel is for. */
  readonly innerAddress: string;
  readonly innerNetwork: string;
  /** Address on the other cable, which carries the same traffic without a tunnel. */
  readonly plainAddress: string;
}

const CABLE_MTU = 1500;

export function demoHosts(outer: 4 | 6, inner: 4 | 6): readonly [left: DemoHost, right: DemoHost] {
  const host = (end: "left" | "right", n: number): DemoHost => ({
    end,
    namespace: `hawser-demo-${end}`,
    device: "wire0",
    outerAddress: outer === 4 ? `192.0.2.${n}` : `2001:db8:0:2::${n}`,
    innerAddress: inner === 4 ? `10.${n}.0.1` : `fd00:${n}::1`,
    innerNetwork: inner === 4 ? `10.${n}.0.0/16` : `fd00:${n}::/32`,
    plainAddress: inner === 4 ? `198.51.100.${n}` : `2001:db8:0:51::${n}`,
  });
  return [host("left", 1), host("right", 2)];
}

export function layOut([left, right]: readonly [DemoHost, DemoHost]): void {
  for (const { namespace } of [left, right]) createNamespace(namespace);
  const cable = (device: string, addressOf: (host: DemoHost) => string): void => {
    const [a, b] = [left, right].map((host) => {
      const address = addressOf(host);
      return { namespace: host.namespace, device, addresses: [`${address}/${address.includes(":") ? 64 : 24}`] };
    });
    if (a !== undefined && b !== undefined) layCable(a, b, CABLE_MTU);
  };
  cable("wire0", ({ outerAddress }) => outerAddress);
  cable("plain0", ({ plainAddress }) => plainAddress);
}

/** Removes the hosts and ends whatever still runs on them: also what a killed demonstration has left. Returns whether there was anything. */
export function clearAway(hosts: readonly Pick<DemoHost, "namespace">[]): boolean {
  const present = namespaces();
  const found = hosts.filter(({ namespace }) => present.includes(namespace));
  for (const { namespace } of found) {
    // A namespace lives on without its name while a process is in it, and its cable with it.
    for (const pid of processesIn(namespace)) endProcess(pid);
    deleteNamespace(namespace);
  }
  return found.length > 0;
}

function processesIn(namespace: string): number[] {
  const { stdout } = spawnSync("ip", ["netns", "pids", namespace], { encoding: "utf8" });
  return stdout.split("\n").filter(Boolean).map(Number);
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
