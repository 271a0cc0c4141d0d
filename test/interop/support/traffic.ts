/** Traffic between the two inner addresses: datagrams that are answered, and bulk TCP. */
import type { PingResult } from "../../../src/demo/traffic/echo.ts";
import { runTool, Server, trafficTool } from "../../../src/demo/traffic-process.ts";
import type { DemoHost } from "../../../src/demo/topology.ts";
import { inNamespace } from "../../../src/host/linux/namespaces.ts";

const ECHO_PORT = 7007;
const BULK_PORT = 5201;

/** Milliseconds between two rounds of the echo tool. */
export const ROUND_INTERVAL = 20;

export interface PingOptions {
  readonly rounds?: number;
  readonly flows?: number;
  /** CPU to send from. */
  readonly cpu?: number;
}

/** Echo servers on both hosts; `ping` sends to them from the other one. */
export class Echo {
  readonly #servers: readonly Server[];

  private constructor(servers: readonly Server[]) {
    this.#servers = servers;
  }

  static async start(...hosts: readonly DemoHost[]): Promise<Echo> {
    const serve = (host: DemoHost) => Server.start(trafficTool(host, "echo", "any", host.innerAddress, String(ECHO_PORT)), "ready");
    return new Echo(await Promise.all(hosts.map(serve)));
  }

  /** Sends `rounds` datagrams 20 ms apart on each of `flows` sockets, and waits a second for the last answer. */
  async ping(from: DemoHost, to: DemoHost, { rounds = 25, flows = 1, cpu }: PingOptions = {}): Promise<PingResult> {
    const where = cpu === undefined ? "any" : String(cpu);
    const command = trafficTool(from, "ping", where, to.innerAddress, String(ECHO_PORT), String(rounds), String(flows));
    return JSON.parse(await runTool(command, rounds * ROUND_INTERVAL)) as PingResult;
  }

  stop(): void {
    for (const server of this.#servers) server.stop();
  }
}

export interface BulkResult {
  readonly octets: number;
  readonly megabitsPerSecond: number;
}

/** TCP as fast as it goes from one host to the other for some seconds (iperf3). */
export async function bulk(from: DemoHost, to: DemoHost, seconds: number): Promise<BulkResult> {
  const server = await Server.start(
    inNamespace(to.namespace, "iperf3", "--server", "--one-off", "--forceflush", "--bind", to.innerAddress, "--port", String(BULK_PORT)),
    "Server listening",
  );
  try {
    const client = ["iperf3", "--client", to.innerAddress, "--bind", from.innerAddress, "--port", String(BULK_PORT)];
    const report = await runTool(inNamespace(from.namespace, ...client, "--time", String(seconds), "--json"), seconds * 1000);
    const { end } = JSON.parse(report) as { end: { sum_received: { bytes: number; bits_per_second: number } } };
    return { octets: end.sum_received.bytes, megabitsPerSecond: end.sum_received.bits_per_second / 1e6 };
  } finally {
    server.stop();
  }
}
