/** `idle`: what a daemon takes of the machine while nothing passes: eight workers, the tunnel up. */
import { setTimeout as sleep } from "node:timers/promises";
import type { BenchContext } from "./benchmark.ts";
import { withHawser } from "./lab/hawser-pair.ts";
import { withHosts } from "./lab/hosts.ts";
import { processorTime } from "./lab/process-usage.ts";
import { summarize } from "./measure.ts";
import type { Row } from "./report.ts";
import { reach } from "./report.ts";

const WORKERS = 8;
/** Per cent of one core. */
const AIM = 0.5;
/** Seconds until what starting has left over is done: garbage to collect, code to compile. */
const CALM = 3;
const MOST_TURNS = 3;

export async function benchIdle({ turns, seconds }: BenchContext): Promise<Row[]> {
  return withHosts("idle", (hosts) =>
    withHawser(hosts, { workers: WORKERS, perCpuSas: true }, async ([daemon]) => {
      const { pid } = await daemon.status();
      await sleep(CALM * 1000);
      const shares = [];
      for (let turn = 0; turn < Math.min(turns, MOST_TURNS); turn++) {
        const [time, start] = [processorTime(pid), process.hrtime.bigint()];
        await sleep(seconds * 1000);
        shares.push((100 * (processorTime(pid) - time)) / Number(process.hrtime.bigint() - start));
      }
      const value = summarize(shares);
      const name = `daemon with ${WORKERS} workers, tunnel up`;
      return [{ bench: "idle", name, unit: "% of a core", value, reach: reach("at most", AIM, value.median) }];
    }),
  );
}
