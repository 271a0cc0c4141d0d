/** Bulk TCP from the left host to the right one, one pinned sender per CPU. */
import { spawnSync } from "node:child_process";
import { inNamespace } from "../host/linux/namespaces.ts";
import type { DemoOptions } from "./options.ts";
import type { StreamResult } from "./traffic/stream.ts";
import { runTool, Server, trafficTool } from "./traffic-process.ts";
import type { DemoHost } from "./topology.ts";

const FIRST_PORT = 5201;

/** What one sender and its receiver are run as. */
interface BulkTool {
  readonly name: "iperf3" | "own";
  readonly server: (host: DemoHost, address: string, port: number) => { readonly command: string[]; readonly ready: string };
  readonly client: (host: DemoHost, cpu: number, address: string, port: number, seconds: number) => string[];
  /** Bits per second that arrived. */
  readonly rate: (output: string) => number;
}

const IPERF3: BulkTool = {
  name: "iperf3",
  server: (host, address, port) => ({
    command: inNamespace(host.namespace, "iperf3", "--server", "--bind", address, "--port", String(port), "--forceflush"),
    ready: "Server listening",
  }),
  client: (host, cpu, address, port, seconds) =>
    inNamespace(
      host.namespace,
      "iperf3",
      "--client",
      address,
      "--port",
      String(port),
      "--time",
      String(seconds),
      "--affinity",
      String(cpu),
      "--json",
    ),
  rate: (output) => (JSON.parse(output) as { end: { sum_received: { bits_per_second: number } } }).end.sum_received.bits_per_second,
};

const OWN: BulkTool = {
  name: "own",
  server: (host, address, port) => ({ command: trafficTool(host, "sink", "any", address, String(port)), ready: "ready" }),
  client: (host, cpu, address, port, seconds) => trafficTool(host, "source", String(cpu), address, String(port), String(seconds)),
  rate: (output) => {
    const { octets, seconds } = JSON.parse(output) as StreamResult;
    return (octets * 8) / seconds;
  },
};

export function bulkTool(wanted: DemoOptions["sender"]): BulkTool {
  if (wanted === "own") return OWN;
  const isInstalled = spawnSync("iperf3", ["--version"], { stdio: "ignore" }).status === 0;
  if (wanted === "iperf3" && !isInstalled) throw new Error("iperf3 is not installed (Debian and Ubuntu: apt-get install iperf3)");
  return isInstalled ? IPERF3 : OWN;
}

/** Gigabits per second of TCP payload that arrived, all senders together. @param to an address of `right` */
export async function measureBulk(
  tool: BulkTool,
  [left, right]: readonly [DemoHost, DemoHost],
  to: string,
  cpus: readonly number[],
  seconds: number,
): Promise<number> {
  const senders = [...new Set(cpus)].map((cpu, i) => ({ cpu, port: FIRST_PORT + i }));
  const servers = await Promise.all(
    senders.map(({ port }) => {
      const { command, ready } = tool.server(right, to, port);
      return Server.start(command, ready);
    }),
  );
  try {
    const outputs = await Promise.all(senders.map(({ cpu, port }) => runTool(tool.client(left, cpu, to, port, seconds), seconds * 1000)));
    return outputs.reduce((sum, output) => sum + tool.rate(output), 0) / 1e9;
  } finally {
    for (const server of servers) server.stop();
  }
}
