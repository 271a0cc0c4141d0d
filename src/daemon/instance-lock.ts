/** One daemon per control socket. */
import { unlinkSync } from "node:fs";
import { resolve } from "node:path";
import { isListening } from "./control/client.ts";
import { ExitCode, Failure } from "./exit-codes.ts";
import { takeName } from "./named-lock.ts";
import type { NamedLock } from "./named-lock.ts";

/**
 * Held for as long as the process lives. The lock proper is a name, which belongs to a network namespace; the control socket is a file that other
 * namespaces have too, so that is asked as well.
 */
export class InstanceLock {
  readonly #lock: NamedLock;

  private constructor(lock: NamedLock) {
    this.#lock = lock;
  }

  /** Removes what a killed daemon left at `controlSocket`. @throws Failure BUSY when a daemon is alive there */
  static async acquire(controlSocket: string): Promise<InstanceLock> {
    const path = resolve(controlSocket);
    const busy = new Failure(ExitCode.BUSY, `A daemon already listens on ${path}; end it with: hawser down --socket ${path}`);
    const lock = await takeName(`hawser ${path}`);
    if (lock === undefined) throw busy;
    if (await isListening(path)) {
      lock.release();
      throw busy;
    }
    try {
      unlinkSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
        lock.release();
        throw new Failure(ExitCode.FAILURE, `What a daemon left at ${path} cannot be removed: ${(error as Error).message}.`);
      }
    }
    return new InstanceLock(lock);
  }

  release(): void {
    this.#lock.release();
  }
}
