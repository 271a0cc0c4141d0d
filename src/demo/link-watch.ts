/** Watches a cable for packets that should not be on it: all but IKE, ESP in UDP, and what links need to live. */
import { Worker } from "node:worker_threads";

/** What the watching thread is given, and what it says. */
export interface LinkWatchSetup {
  readonly namespace: string;
  readonly device: string;
}

export type LinkWatchMessage =
  | { readonly kind: "watching" }
  | { readonly kind: "seen"; readonly packets: number; readonly examples: readonly string[] }
  | { readonly kind: "failed"; readonly message: string };

export class LinkWatch {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** A thread of its own, because it lives in the host's network namespace. @throws Error with the reason when it cannot watch */
  static async start(setup: LinkWatchSetup): Promise<LinkWatch> {
    const url = new URL(`./link-watch-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
    const worker = new Worker(url, { workerData: setup });
    const message = await nextMessage(worker);
    if (message.kind === "failed") throw new Error(message.message);
    return new LinkWatch(worker);
  }

  /** Ends it and returns how many such packets there were, with the first few in hexadecimal. */
  async stop(): Promise<{ packets: number; examples: readonly string[] }> {
    const seen = nextMessage(this.#worker);
    this.#worker.postMessage("stop");
    const message = await seen;
    if (message.kind !== "seen") throw new Error(message.kind === "failed" ? message.message : "the link watch ended without a count");
    return { packets: message.packets, examples: message.examples };
  }

  /** For when the count is of no interest any more. Also after {@link stop}. */
  abandon(): void {
    void this.#worker.terminate();
  }
}

function nextMessage(worker: Worker): Promise<LinkWatchMessage> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the link watch ended before its time")));
  });
}
