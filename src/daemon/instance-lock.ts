/** One daemon per control socket. */
import { unlinkSync } from "node:fs";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { resolve } from "node:path";
import { isListening } from "./control/client.ts";
import { ExitCode, Failure } from "./exit-codes.ts";

/**
 * Held for as long as the process lives. The lock proper is the name of an abstract unix socket: taken at once or not at all, and given back by
 * the kernel however the process ends. Such names belong to a network namespace while the control socket is a file, so the file is asked too.
 */
export class InstanceLock {
  readonly #holder: Server;

  private constructor(holder: Server) {
    this.#holder = holder;
  }

  /** Removes what a killed daemon left at `controlSocket`. @throws Failure BUSY when a daemon is alive there */
  static async acquire(controlSocket: string): Promise<InstanceLock> {
    const path = resolve(controlSocket);
    const busy = new Failure(ExitCode.BUSY, `A daemon already listens on ${path}; end it with: hawser down --socket ${path}`);
    const holder = createServer((socket) => socket.destroy());
    await new Promise<void>((taken, refused) => {
      holder.once("error", (error: NodeJS.ErrnoException) => refused(error.code === "EADDRINUSE" ? busy : error));
      holder.listen(`\0hawser ${path}`, taken);
    });
    holder.unref();
    if (await isListening(path)) {
      holder.close();
      throw busy;
    }
    try {
      unlinkSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
        holder.close();
        throw new Failure(ExitCode.FAILURE, `What a daemon left at ${path} cannot be removed: ${(error as Error).message}.`);
      }
    }
    return new InstanceLock(holder);
  }

  release(): void {
    this.#holder.close();
  }
}
