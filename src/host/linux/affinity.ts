/** Which CPUs a thread runs on: sched_setaffinity(2). CPUs are numbered as the operating system does. */
import { errno, sched_getaffinity, sched_setaffinity, SystemCallError } from "./libc.ts";

/** The kernel's own limit on x86-64 (NR_CPUS). */
const MASK_OCTETS = 8192 / 8;
const CALLING_THREAD = 0;

/** CPUs that the calling thread may run on, ascending: those that a container or taskset has left to it. */
export function allowedCpus(): number[] {
  const mask = new Uint8Array(MASK_OCTETS);
  if (sched_getaffinity(CALLING_THREAD, mask.length, mask) < 0) {
    throw new SystemCallError("sched_getaffinity", errno(), "ask which CPUs this thread may run on");
  }
  return Array.from({ length: MASK_OCTETS * 8 }, (_, cpu) => cpu).filter((cpu) => (((mask[cpu >> 3] ?? 0) >> (cpu & 7)) & 1) === 1);
}

/** Pins the calling thread to one CPU. @throws SystemCallError, EINVAL when there is no such CPU or it is not allowed */
export function pinThread(cpu: number): void {
  const mask = new Uint8Array(MASK_OCTETS);
  if (cpu < 0 || cpu >= MASK_OCTETS * 8) throw new RangeError(`there is no CPU ${cpu}`);
  mask[cpu >> 3] = 1 << (cpu & 7);
  if (sched_setaffinity(CALLING_THREAD, mask.length, mask) < 0) {
    throw new SystemCallError("sched_setaffinity", errno(), `pin a thread to CPU ${cpu} (allowed: ${allowedCpus().join(", ")})`);
  }
}
