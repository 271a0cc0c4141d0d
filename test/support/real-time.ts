/** For measurements of single milliseconds on a machine that has other things to do as well. */
import { spawnSync } from "node:child_process";

/**
 * Lets this process, and what it starts from now on, go before everything else on the machine (SCHED_FIFO); to be used with traffic at a measured
 * pace only. False: the machine does not allow that, or has no chrt(1), and its other work will be measured too.
 */
export function goFirst(): boolean {
  return spawnSync("chrt", ["--fifo", "--pid", "5", String(process.pid)], { stdio: "ignore" }).status === 0;
}

/** Takes {@link goFirst} back for what is started from now on. */
export function goWithTheOthers(): void {
  spawnSync("chrt", ["--other", "--pid", "0", String(process.pid)], { stdio: "ignore" });
}
