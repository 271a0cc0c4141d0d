/** TCP and UDP through whatever joins two hosts, by iperf3. */
import { spawnSync } from "node:child_process";
import { runTool, Server } from "../../src/demo/traffic-process.ts";
import { inNamespace } from "../../src/host/linux/namespaces.ts";
import { NotMeasurable } from "../benchmark.ts";
import type { HostPair } from "./hosts.ts";

const FIRST_PORT = 5201;
const IP_AND_UDP = 28;
/** Packets lost of all sent that still count as none. */
const LOSS = 0.001;
const UNLIMITED = Infinity;
const PARTS_OF_FLOOD = [0.9, 0.75, 0.6, 0.45, 0.3, 0.15];

interface IperfEnd {
  readonly end: {
    readonly sum_received?: { readonly bits_per_second: number };
    readonly sum?: { readonly packets: number; readonly lost_packets: number; readonly seconds: number };
  };
}

/** @throws NotMeasurable when it is not installed */
export function requireIperf(): void {
  if (spawnSync("iperf3", ["--version"], { stdio: "ignore" }).status !== 0) throw new NotMeasurable("iperf3 is not installed.");
}

/** Gbit/s of TCP payload that reached `to`, an address of the right host, from `streams` senders that run wherever the scheduler puts them. */
export async function measureTcp(hosts: HostPair, to: string, streams: number, seconds: number): Promise<number> {
  return withServers(hosts, to, streams, async (ports) => {
    const results = await Promise.all(ports.map((port) => client(hosts, to, port, seconds)));
    return results.reduce((sum, { end }) => sum + (end.sum_received?.bits_per_second ?? NaN), 0) / 1e9;
  });
}

/**
 * IP packets of `size` octets a second that arrive with less than 0.1 % lost: what one sender can do, or else the first rate that passes going
 * down from what arrived of that. Undefined where none does.
 */
export async function measureUdp(hosts: HostPair, to: string, size: number, seconds: number): Promise<number | undefined> {
  const payload = size - IP_AND_UDP;
  return withServers(hosts, to, 1, async ([port = FIRST_PORT]) => {
    const attempt = async (rate: number): Promise<{ sent: number; arrived: number }> => {
      const bits = rate === UNLIMITED ? 0 : Math.round(rate * payload * 8);
      const { end } = await client(hosts, to, port, seconds, "--udp", "--length", String(payload), "--bitrate", String(bits));
      const { packets, lost_packets: lost, seconds: duration } = end.sum ?? { packets: 0, lost_packets: 0, seconds: 1 };
      return { sent: packets / duration, arrived: (packets - lost) / duration };
    };
    const passes = ({ sent, arrived }: { sent: number; arrived: number }): boolean => sent > 0 && arrived >= sent * (1 - LOSS);
    const flood = await attempt(UNLIMITED);
    if (passes(flood)) return flood.arrived;
    for (const part of PARTS_OF_FLOOD) {
      const result = await attempt(flood.arrived * part);
      if (passes(result)) return result.arrived;
    }
    return undefined;
  });
}

/** Runs `use` while the left host sends TCP to `to` as fast as it can. */
export async function underLoad<T>(hosts: HostPair, to: string, seconds: number, use: () => Promise<T>): Promise<T> {
  return withServers(hosts, to, 1, async ([port = FIRST_PORT]) => {
    const load = client(hosts, to, port, seconds);
    const [result] = await Promise.all([use(), load]);
    return result;
  });
}

async function withServers<T>([, right]: HostPair, address: string, count: number, use: (ports: number[]) => Promise<T>): Promise<T> {
  const ports = Array.from({ length: count }, (_, i) => FIRST_PORT + i);
  const start = (port: number): Promise<Server> =>
    Server.start(
      inNamespace(right.namespace, "iperf3", "--server", "--bind", address, "--port", String(port), "--forceflush"),
      "listening",
    );
  const servers = await Promise.all(ports.map(start));
  try {
    return await use(ports);
  } finally {
    for (const server of servers) server.stop();
  }
}

async function client([left]: HostPair, to: string, port: number, seconds: number, ...more: readonly string[]): Promise<IperfEnd> {
  const command = ["iperf3", "--client", to, "--port", String(port), "--time", String(Math.max(1, Math.round(seconds))), "--json", ...more];
  return JSON.parse(await runTool(inNamespace(left.namespace, ...command), seconds * 1000)) as IperfEnd;
}
