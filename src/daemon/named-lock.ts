/** A lock between processes of one network namespace. */
import { createServer } from "node:net";

export interface NamedLock {
  release: () => void;
}

/**
 * Takes the name of an abstract unix socket: at once or not at all, and given back by the kernel however the process ends.
 *
 * @returns undefined when another process has it
 */
export function takeName(name: string): Promise<NamedLock | undefined> {
  const holder = createServer((socket) => socket.destroy());
  // The lock is no reason for the process to live on.
  holder.unref();
  return new Promise((resolve, reject) => {
    holder.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    holder.listen(`\0${name}`, () => resolve({ release: () => void holder.close() }));
  });
}
