/** `handoff`, `stub`, `sharedSa`: what a packet costs more than on an SA of its CPU's own, both CPUs' time added up. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { EngineName } from "../src/dataplane/engines/engine.ts";
import { allowedCpus } from "../src/host/linux/affinity.ts";
import type { BenchContext } from "./benchmark.ts";
import { NotMeasurable } from "./benchmark.ts";
import type { HandoffMode, HandoffOrder, HandoffSetup } from "./handoff-worker.ts";
import { summarize } from "./measure.ts";
import type { Row } from "./report.ts";
import { reach } from "./report.ts";
import { boxMemory } from "./worker-box.ts";
import { workerModule } from "./worker-module.ts";

interface Comparison {
  readonly bench: "handoff" | "stub" | "sharedSa";
  readonly about: string;
  readonly against: HandoffMode;
  /** What any way of handing on has to do, and no more. */
  readonly floor?: HandoffMode;
  /** Nanoseconds more, at most. */
  readonly aim: number;
}

const COMPARISONS: readonly Comparison[] = [
  { bench: "handoff", about: "ESP that reached another worker", against: "ownIn", floor: "copy", aim: 250 },
  { bench: "stub", about: "sent on a CPU that has a stub", against: "ownOut", floor: "copy", aim: 250 },
  { bench: "sharedSa", about: "sealed on the SA of all workers", against: "ownOut", aim: 40 },
];
const BURSTS_TO_WARM_UP = 2000;
const BURSTS_IN_A_TURN = 300;
const TOGETHER: readonly HandoffMode[] = ["stub", "handoff", "copy"];

export async function benchHandoff({ engines, turns, milliseconds }: BenchContext, bench: Comparison["bench"]): Promise<Row[]> {
  const comparison = COMPARISONS.find((candidate) => candidate.bench === bench);
  const [engine] = engines;
  const [ownerCpu, senderCpu] = allowedCpus();
  if (comparison === undefined || engine === undefined) throw new NotMeasurable("No engine works here.");
  if (ownerCpu === undefined || senderCpu === undefined) throw new NotMeasurable("It needs two CPUs.");
  const threads = startThreads(engine, ownerCpu, senderCpu);
  try {
    const { against, floor, about, aim } = comparison;
    // Once round the ring, whose pages are all new, and until the compiler has done its work.
    await threads.run(bench, milliseconds, BURSTS_TO_WARM_UP);
    await threads.run(against, milliseconds, BURSTS_TO_WARM_UP);
    if (floor !== undefined) await threads.run(floor, milliseconds, BURSTS_TO_WARM_UP);
    const [own, other, copied]: [number[], number[], number[]] = [[], [], []];
    for (let turn = 0; turn < turns; turn++) {
      own.push(await threads.run(against, milliseconds));
      other.push(await threads.run(bench, milliseconds));
      if (floor !== undefined) copied.push(await threads.run(floor, milliseconds));
    }
    const more = summarize(other.map((value, i) => value - (own[i] ?? NaN)));
    return [
      {
        bench,
        name: `${engine} aes128gcm16 1400, ${about}`,
        unit: "ns/packet more",
        value: more,
        reach: reach("at most", aim, more.median),
        note: `own SA: ${summarize(own).median.toFixed(0)} ns/packet`,
      },
      ...(floor === undefined
        ? []
        : [
            {
              bench,
              name: `${engine} 1400, copied to the other CPU and read there, nothing else`,
              unit: "ns/packet",
              value: summarize(copied),
            },
          ]),
    ];
  } finally {
    await threads.stop();
  }
}

interface Threads {
  /** Nanoseconds a packet, of both threads where both have a part in it. */
  readonly run: (mode: HandoffMode, milliseconds: number, atLeast?: number) => Promise<number>;
  readonly stop: () => Promise<unknown>;
}

function startThreads(engine: EngineName, ownerCpu: number, senderCpu: number): Threads {
  const common = { engine, ownerMemory: boxMemory(), turn: new SharedArrayBuffer(4), counter: new SharedArrayBuffer(4) };
  const start = (role: HandoffSetup["role"], cpu: number): Worker =>
    new Worker(workerModule("./handoff-worker", import.meta.url), { workerData: { ...common, role, cpu } satisfies HandoffSetup });
  const [owner, sender] = [start("owner", ownerCpu), start("sender", senderCpu)];
  const ask = async (worker: Worker, order: HandoffOrder): Promise<number> => {
    const answer = once(worker, "message") as Promise<[number]>;
    worker.postMessage(order);
    return (await answer)[0];
  };
  return {
    run: async (mode, milliseconds, atLeast = BURSTS_IN_A_TURN) => {
      Atomics.store(new Int32Array(common.turn), 0, 0);
      const asked = (TOGETHER.includes(mode) ? [owner, sender] : [owner]).map((worker) => ask(worker, { mode, milliseconds, atLeast }));
      return (await Promise.all(asked)).reduce((sum, value) => sum + value, 0);
    },
    stop: () => Promise.all([owner.terminate(), sender.terminate()]),
  };
}
