/** What a process takes of the machine, as /proc tells it (proc(5)). */
import { readFileSync, readdirSync } from "node:fs";

/** MiB of resident memory. @throws Error when the process is gone */
export function residentMemory(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no resident memory`);
  return Number(kibibytes) / 1024;
}

/** Nanoseconds that all threads of the process have run: exact, where the times in `stat` are counted in ticks. */
export function processorTime(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
    return sum + Number(nanoseconds);
  }, 0);
}
