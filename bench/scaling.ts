/** `scaling`: packets per second of two pinned workers over those of one, each on its own SA; and for contrast both on one shared SA. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { EngineName } from "../src/dataplane/engines/engine.ts";
import { allowedCpus } from "../src/host/linux/affinity.ts";
import { NotMeasurable } from "./benchmark.ts";
import { ratio, summarize } from "./measure.ts";
import type { Row } from "./report.ts";
import { reach } from "./report.ts";
import { workerModule } from "./worker-module.ts";
import type { ScalingMode } from "./scaling-worker.ts";

const MODES: readonly ScalingMode[] = ["raw", "own", "shared"];
const NAMES: Record<ScalingMode, string> = { raw: "engine alone", own: "own SAs", shared: "one shared SA" };
/** Own SAs keep at least this part of the engine's own scaling. */
const REACH = 0.97;

export async function benchScaling(engine: EngineName, turns: number, milliseconds: number): Promise<Row[]> {
  const cpus = allowedCpus().slice(0, 2);
  if (cpus.length < 2) throw new NotMeasurable("It needs two CPUs.");
  const gate = new SharedArrayBuffer(4);
  const counter = new SharedArrayBuffer(64);
  const workers = cpus.map(
    (cpu) => new Worker(workerModule("./scaling-worker", import.meta.url), { workerData: { cpu, engine, counter, gate } }),
  );
  try {
    const run = async (mode: ScalingMode, count: number): Promise<number> => {
      Atomics.store(new Int32Array(gate), 0, 0);
      const answers = workers.slice(0, count).map(async (worker) => {
        const answer = once(worker, "message") as Promise<[number]>;
        worker.postMessage({ mode, milliseconds, together: count });
        return (await answer)[0];
      });
      return (await Promise.all(answers)).reduce((a, b) => a + b, 0);
    };
    for (const mode of MODES) await run(mode, 2);
    const scale: Record<ScalingMode, number[]> = { raw: [], own: [], shared: [] };
    const rate: Record<ScalingMode, number[]> = { raw: [], own: [], shared: [] };
    for (let turn = 0; turn < turns; turn++) {
      for (const mode of MODES) {
        const [one, two] = [await run(mode, 1), await run(mode, 2)];
        scale[mode].push(two / one);
        rate[mode].push(two / 1e6);
      }
    }
    return MODES.map((mode) => {
      const row = { bench: "scaling", name: `${engine}, ${NAMES[mode]}`, unit: "Mpackets/s", value: summarize(rate[mode]) };
      const note = `2 workers ÷ 1: ${summarize(scale[mode]).median.toFixed(2)}`;
      if (mode === "raw") return { ...row, note };
      const against = ratio(scale[mode], scale.raw);
      const aim = mode === "own" ? { reach: reach("at least", REACH, against.median) } : {};
      return { ...row, floor: "the engine's own 2 ÷ 1", ratio: against, ...aim, note };
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
