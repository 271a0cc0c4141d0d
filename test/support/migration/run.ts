/** Runs a migrating application between two hosts and joins what both of its ends have seen. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { inNamespace } from "../../../src/host/linux/namespaces.ts";
import type { Arrivals } from "./record.ts";
import type { Pace, Sent } from "./sender.ts";

/** Milliseconds that either end may take beyond the sending itself. */
const PATIENCE = 20_000;

export interface MigrationResult extends Arrivals, Sent {
  readonly lost: number;
}

export interface Route {
  readonly transport: "udp" | "tcp";
  /** Network namespaces. */
  readonly from: string;
  readonly to: string;
  /** Of the receiver. */
  readonly address: string;
  readonly port: number;
}

/** @throws Error when an end fails or does not come to its end */
export async function migrate({ transport, from, to, address, port }: Route, pace: Pace): Promise<MigrationResult> {
  const limit = pace.seconds * 1000 + PATIENCE;
  const receiver = new End(to, ["receive", transport, address, String(port)], limit);
  try {
    await receiver.ready;
    const parameters = ["send", transport, address, String(port), ...[pace.seconds, pace.rate, pace.moveEvery].map(String)];
    const sent = JSON.parse(await new End(from, parameters, limit).output) as Sent;
    const lines = (await receiver.output).trim().split("\n");
    const arrivals = JSON.parse(lines.at(-1) ?? "") as Arrivals;
    return { ...sent, ...arrivals, lost: sent.sent - arrivals.received };
  } finally {
    receiver.kill();
  }
}

class End {
  readonly output: Promise<string>;
  readonly ready: Promise<void>;
  readonly kill: () => void;

  constructor(namespace: string, parameters: readonly string[], limit: number) {
    const program = fileURLToPath(new URL(`./main${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
    const [command = "", ...rest] = inNamespace(namespace, process.execPath, program, ...parameters);
    const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"], timeout: limit, killSignal: "SIGKILL" });
    let [text, complaint] = ["", ""];
    let isReady = (): void => undefined;
    this.kill = () => void child.kill("SIGKILL");
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (complaint += chunk));
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("ready")) isReady();
    });
    this.output = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        if (code === 0) resolve(text);
        else reject(new Error(`${parameters.join(" ")}: ended with ${signal ?? String(code)}: ${complaint.trim()}`));
      });
    });
    this.ready = Promise.race([new Promise<void>((resolve) => (isReady = resolve)), this.output.then(() => undefined)]);
    // Whoever waits for one of the two hears of a failure.
    this.output.catch(() => undefined);
    this.ready.catch(() => undefined);
  }
}
