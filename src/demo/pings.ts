/** Pings through the tunnel from every CPU of both hosts. */
import { ROUND_PATIENCE } from "./traffic/echo.ts";
import type { PingResult } from "./traffic/echo.ts";
import { runTool, Server, trafficTool } from "./traffic-process.ts";
import type { DemoHost } from "./topology.ts";

const ECHO_PORT = 7007;
const ROUNDS = 25;
/** Flows for each worker of a CPU: so many that none of its workers is left out, but for 1 in 10^5 runs. */
const FLOWS_PER_WORKER = 12;

/** Waits for echo servers on both hosts, hands out the pinging, and ends the servers. */
export async function withEchoServers<T>(hosts: readonly DemoHost[], use: () => Promise<T>): Promise<T> {
  const servers = await Promise.all(
    hosts.map((host) => Server.start(trafficTool(host, "echo", "any", host.innerAddress, String(ECHO_PORT)), "ready")),
  );
  try {
    return await use();
  } finally {
    for (const server of servers) server.stop();
  }
}

/**
 * One series of pings from each CPU of `from`, one CPU after the other.
 *
 * @param workerCpus the CPU of each worker
 */
export async function pingFromEachCpu(from: DemoHost, to: DemoHost, workerCpus: readonly number[]): Promise<PingResult> {
  let [sent, received] = [0, 0];
  for (const cpu of new Set(workerCpus)) {
    const workers = workerCpus.filter((other) => other === cpu).length;
    // The only worker of a CPU gets all its packets: one flow will do.
    const flows = workers === 1 ? 1 : workers * FLOWS_PER_WORKER;
    const command = trafficTool(from, "ping", String(cpu), to.innerAddress, String(ECHO_PORT), String(ROUNDS), String(flows));
    const result = JSON.parse(await runTool(command, ROUNDS * ROUND_PATIENCE)) as PingResult;
    sent += result.sent;
    received += result.received;
  }
  return { sent, received };
}
