/** `--profile`: a CPU profile and a flame graph of a worker that sends TCP as fast as it can. */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CpuProfile } from "./flame-graph.ts";
import { flameGraph, fold } from "./flame-graph.ts";
import { withHawser } from "./lab/hawser-pair.ts";
import { withHosts } from "./lab/hosts.ts";
import { measureTcp, requireIperf } from "./lab/iperf.ts";

/** What a data-plane worker's thread runs, and no other. */
const WORKER_LOOP = "dataplane/worker/loop";
/** Where a worker waits in poll(2): a foreign call counts as its caller's time. */
const SLEEPING = ["#sleep"];

/** Both daemons run under the profiler of V8; each of their threads leaves a profile when it ends. */
export async function profileWorker(seconds: number, say: (progress: string) => void): Promise<void> {
  requireIperf();
  const directory = mkdtempSync(join(tmpdir(), "hawser-profile-"));
  const nodeOptions = ["--cpu-prof", "--cpu-prof-dir", directory, "--cpu-prof-interval", "200"];
  const rate = await withHosts("profile", (hosts) =>
    withHawser(hosts, { workers: 1, perCpuSas: false, nodeOptions }, async (daemons) => {
      say(`profile: ${seconds} s of TCP`);
      const gigabits = await measureTcp(hosts, hosts[1].innerAddress, 1, seconds);
      await Promise.all(daemons.map((daemon) => daemon.down()));
      return gigabits;
    }),
  );
  const profiles = readdirSync(directory).filter((file) => file.endsWith(".cpuprofile"));
  for (const file of profiles) {
    const profile = JSON.parse(readFileSync(join(directory, file), "utf8")) as CpuProfile;
    if (!profile.nodes.some(({ callFrame }) => callFrame.url.includes(WORKER_LOOP))) continue;
    const graph = join(directory, file.replace(/\.cpuprofile$/, ".svg"));
    writeFileSync(
      graph,
      flameGraph(fold(profile, SLEEPING), `A worker at ${rate.toFixed(2)} Gbit/s of TCP, one stream, under the profiler`),
    );
    console.log(`profile      ${join(directory, file)}\nflame graph  ${graph}`);
  }
}
