/** `memory`: resident memory of an idle daemon and what each worker and each thousand Child SAs add; whether packets leave anything behind. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { BenchContext } from "./benchmark.ts";
import { NotMeasurable } from "./benchmark.ts";
import { withHawser } from "./lab/hawser-pair.ts";
import { withHosts } from "./lab/hosts.ts";
import { residentMemory } from "./lab/process-usage.ts";
import { summarize } from "./measure.ts";
import type { Row } from "./report.ts";
import { reach } from "./report.ts";
import { WorkerBox } from "./worker-box.ts";

const [FEW, MANY] = [1, 8] as const;
const BURST = 32;
const SIZE = 1400;
const PACKETS_TO_WARM_UP = 1e6;
const PACKETS = 1e7;
/** Octets of heap: what the garbage collector itself varies by. It is a hundredth of an octet for each packet. */
const NOISE = 1e5;
const SAS = 2000;

export async function benchMemory({ engines, skip }: BenchContext): Promise<Row[]> {
  const engine = engines[0] ?? "node";
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  let daemon: Row[] = [];
  try {
    daemon = await daemonRows();
  } catch (error) {
    if (!(error instanceof NotMeasurable)) throw error;
    skip("memory: daemon", error.message);
  }
  return [...daemon, saRow(engine, collect), growthRow(engine, collect)];
}

async function daemonRows(): Promise<Row[]> {
  const few = await idleMemory(FEW);
  const many = await idleMemory(MANY);
  const worker = (many - few) / (MANY - FEW);
  return [
    { bench: "memory", name: `idle daemon, ${FEW} worker, 1 Child SA`, unit: "MiB resident", value: summarize([few]) },
    { bench: "memory", name: "each further worker with its Child SA", unit: "MiB resident", value: summarize([worker]) },
  ];
}

function idleMemory(workers: number): Promise<number> {
  return withHosts("memory", (hosts) =>
    withHawser(hosts, { workers, perCpuSas: true }, async ([daemon]) => residentMemory((await daemon.status()).pid)),
  );
}

/** What SAs of both directions take of a worker's packet memory, and of its heap. IKE's own records are not in it. */
function saRow(engine: string, collect: () => void): Row {
  const box = new WorkerBox({ engine, cipher: "aes128gcm16" });
  // Not resident memory: what earlier benchmarks have left is given back in the meantime.
  collect();
  const before = process.memoryUsage().heapUsed;
  let octets = 0;
  for (let i = 0; i < SAS; i++) octets += box.addSaPair(i);
  collect();
  octets += process.memoryUsage().heapUsed - before;
  return {
    bench: "memory",
    name: `a thousand Child SAs in a worker's SAD, ${engine}`,
    unit: "MiB",
    value: summarize([((octets / SAS) * 1000) / 2 ** 20]),
    note: "packet memory and heap",
  };
}

/** Packets out and in, half each, through all that a worker does with them but its system calls. */
function growthRow(engine: string, collect: () => void): Row {
  const [out, back] = [new WorkerBox({ engine, cipher: "aes128gcm16" }), new WorkerBox({ engine, cipher: "aes128gcm16" })];
  out.fillSingles(SIZE, BURST);
  back.fillSingles(SIZE, BURST);
  const kept = out.keepBurst(BURST);
  const sealed = back.captureSealed(BURST);
  const pass = (packets: number): void => {
    for (let done = 0; done < packets; done += 2 * BURST) {
      out.relay(kept);
      out.outbound(BURST);
      back.restore(sealed);
      back.inbound(sealed);
    }
  };
  pass(PACKETS_TO_WARM_UP);
  collect();
  const before = process.memoryUsage().heapUsed;
  pass(PACKETS);
  collect();
  const value = summarize([process.memoryUsage().heapUsed - before]);
  return {
    bench: "memory",
    name: `heap growth over 10^7 packets, ${engine}`,
    unit: "octets",
    value,
    reach: reach("at most", NOISE, value.median),
    note: "what the collector varies by counts as none",
  };
}
