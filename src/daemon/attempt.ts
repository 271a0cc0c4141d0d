import type { Logger } from "./log/logger.ts";

/** For changes to the host that it may refuse: that is told, and everything else goes on. */
export function attempt(log: Logger, change: () => void): void {
  try {
    change();
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error));
  }
}
