/** Pairs of hosts (network namespaces joined by a cable) for the benchmarks with I/O, and the clearing away of them. */
import type { DemoHost } from "../../src/demo/topology.ts";
import { clearAway, layOut } from "../../src/demo/topology.ts";
import { NotMeasurable } from "../benchmark.ts";

export type HostPair = readonly [left: DemoHost, right: DemoHost];

/** Tunnel MTU of everything that is compared. */
export const TUNNEL_MTU = 1400;

const PREFIX = "hwbn";

/** @param name short: it becomes part of a namespace's name */
export function benchHosts(name: string): HostPair {
  const host = (end: "left" | "right", n: number): DemoHost => ({
    end,
    namespace: `${PREFIX}-${name}-${end}`,
    device: "wire0",
    outerAddress: `192.0.2.${n}`,
    innerAddress: `10.${n}.0.1`,
    innerNetwork: `10.${n}.0.0/16`,
    plainAddress: `198.51.100.${n}`,
  });
  return [host("left", 1), host("right", 2)];
}

/**
 * Lays out a pair of hosts for as long as `use` takes; then, whatever happened, they are gone with all that runs on them.
 * @throws NotMeasurable without root
 */
export async function withHosts<T>(name: string, use: (hosts: HostPair) => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) throw new NotMeasurable("It needs root: it makes network namespaces and TUN devices.");
  const hosts = benchHosts(name);
  const clear = (): unknown => clearAway(hosts);
  const end = (): never => {
    clear();
    process.exit(1);
  };
  clear();
  for (const signal of SIGNALS) process.once(signal, end);
  try {
    layOut(hosts);
    return await use(hosts);
  } finally {
    for (const signal of SIGNALS) process.off(signal, end);
    clear();
  }
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
