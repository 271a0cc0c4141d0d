/** Round-trip times from the left host to an address of the right one, by ping of iputils. */
import { spawnSync } from "node:child_process";
import { runTool } from "../../src/demo/traffic-process.ts";
import { inNamespace } from "../../src/host/linux/namespaces.ts";
import { NotMeasurable } from "../benchmark.ts";
import type { HostPair } from "./hosts.ts";

const INTERVAL = 0.004;
/** Pings that may stay out before the figure is no figure. */
const LOSS = 0.05;

/** Milliseconds. */
export interface RoundTrip {
  readonly p50: number;
  readonly p99: number;
}

/** @throws NotMeasurable when it is not installed */
export function requirePing(): void {
  if (spawnSync("ping", ["-V"], { stdio: "ignore" }).status !== 0) throw new NotMeasurable("ping (iputils-ping) is not installed.");
}

/** @throws Error when more than a few are lost */
export async function measureRoundTrip([left]: HostPair, to: string, seconds: number): Promise<RoundTrip> {
  const count = Math.max(20, Math.round(seconds / INTERVAL));
  const output = await runTool(
    inNamespace(left.namespace, "ping", "-n", "-i", String(INTERVAL), "-c", String(count), "-W", "1", to),
    seconds * 1000,
  );
  const times = [...output.matchAll(/ time=([\d.]+) ms/g)].map(([, time]) => Number(time)).sort((a, b) => a - b);
  if (times.length < count * (1 - LOSS)) throw new Error(`only ${times.length} of ${count} pings came back from ${to}`);
  const quantile = (q: number): number => times[Math.min(times.length - 1, Math.floor(q * times.length))] ?? NaN;
  return { p50: quantile(0.5), p99: quantile(0.99) };
}
