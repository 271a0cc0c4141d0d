/** One pinned worker of the `scaling` benchmark: does one kind of work for as long as it is told, and says how many packets that was. */
import { parentPort, workerData } from "node:worker_threads";
import { pinThread } from "../src/host/linux/affinity.ts";
import type { EngineName } from "../src/dataplane/engines/engine.ts";
import { run } from "./measure.ts";
import { WorkerBox } from "./worker-box.ts";

export type ScalingMode = "raw" | "own" | "shared";

interface Setup {
  readonly cpu: number;
  readonly engine: EngineName;
  readonly counter: SharedArrayBuffer;
  /** Counts up to start together. */
  readonly gate: SharedArrayBuffer;
}

const SIZE = 1400;
const BURST = 32;
const { cpu, engine, counter, gate } = workerData as Setup;
pinThread(cpu);
const box = new WorkerBox({ engine, cipher: "aes128gcm16" });
box.fillSingles(SIZE, BURST);
const kept = box.keepBurst(BURST);
const shared = new Int32Array(counter);
const start = new Int32Array(gate);

const WORK: Record<ScalingMode, () => number> = {
  raw: () => box.rawSeal(BURST),
  own: () => {
    box.relay(kept);
    return box.outbound(BURST);
  },
  shared: () => {
    box.relay(kept);
    box.reserve(shared, BURST);
    return box.outbound(BURST);
  },
};

parentPort?.on("message", ({ mode, milliseconds, together }: { mode: ScalingMode; milliseconds: number; together: number }) => {
  const work = WORK[mode];
  if (mode === "shared") box.useSharedSa();
  else box.useOwnSa();
  Atomics.add(start, 0, 1);
  while (Atomics.load(start, 0) < together);
  parentPort?.postMessage(1e9 / run(work, milliseconds));
});
