/** What a run that was killed has left. */
import { deleteNamespace, namespaces } from "../../src/host/linux/namespaces.ts";

/** Deletes network namespaces named `PREFIX-PID-…` whose process is gone. */
export function removeOrphans(prefix: string): void {
  for (const name of namespaces()) {
    const pid = new RegExp(`^${prefix}-(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) deleteNamespace(name);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
