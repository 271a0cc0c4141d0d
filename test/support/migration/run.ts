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
export async function migrate(route: Route, pace: Pace): Promise<MigrationResult> {
  const [result] = await migrateTogether([route], pace);
  if (result === undefined) throw new Error("no route, no result");
  return result;
}

/**
 * Several of them at the same time. None sends before all are there: a process that starts takes as much of a CPU as it can get, and would be measured.
 *
 * @returns in the order of `routes`
 * @throws Error when an end fails or does not come to its end
 */
export async function migrateTogether(routes: readonly Route[], pace: Pace): Promise<MigrationResult[]> {
  const limit = pace.seconds * 1000 + PATIENCE;
  const ends: End[] = [];
  const start = (namespace: string, parameters: readonly string[]): End => {
    const end = new End(namespace, parameters, limit);
    ends.push(end);
    return end;
  };
  try {
    const receivers = routes.map(({ transport, to, address, port }) => start(to, ["receive", transport, address, String(port)]));
    await Promise.all(receivers.map(({ ready }) => ready));
    const timing = [pace.seconds, pace.rate, pace.moveEvery].map(String);
    const senders = routes.map(({ transport, from, address, port }) => start(from, ["send", transport, address, String(port), ...timing]));
    await Promise.all(senders.map(({ ready }) => ready));
    for (const sender of senders) sender.go();
    const sent = await Promise.all(senders.map((sender) => sender.result<Sent>()));
    const arrived = await Promise.all(receivers.map((receiver) => receiver.result<Arrivals>()));
    return routes.map((_, index) => joined(sent[index], arrived[index]));
  } finally {
    for (const end of ends) end.kill();
  }
}

function joined(sent: Sent | undefined, arrived: Arrivals | undefined): MigrationResult {
  if (sent === undefined || arrived === undefined) throw new Error("an end has no result");
  return { ...sent, ...arrived, lost: sent.sent - arrived.received };
}

class End {
  readonly #output: Promise<string>;
  readonly ready: Promise<void>;
  readonly kill: () => void;
  /** What a sender that is ready waits for. */
  readonly go: () => void;

  constructor(namespace: string, parameters: readonly string[], limit: number) {
    const program = fileURLToPath(new URL(`./main${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
    const [command = "", ...rest] = inNamespace(namespace, process.execPath, program, ...parameters);
    const child = spawn(command, rest, { stdio: "pipe", timeout: limit, killSignal: "SIGKILL" });
    let [text, complaint] = ["", ""];
    let isReady = (): void => undefined;
    // A child that has failed says so when it closes.
    child.stdin.on("error", () => undefined);
    this.go = () => void child.stdin.end();
    this.kill = () => void child.kill("SIGKILL");
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (complaint += chunk));
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("ready")) isReady();
    });
    this.#output = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        if (code === 0) resolve(text);
        else reject(new Error(`${parameters.join(" ")}: ended with ${signal ?? String(code)}: ${complaint.trim()}`));
      });
    });
    this.ready = Promise.race([new Promise<void>((resolve) => (isReady = resolve)), this.#output.then(() => undefined)]);
    // Whoever waits for one of the two hears of a failure.
    this.#output.catch(() => undefined);
    this.ready.catch(() => undefined);
  }
  /** What it said last. @throws Error with what it complained of when it fails */
  async result<T>(): Promise<T> {
    const lines = (await this.#output).trim().split("\n");
    return JSON.parse(lines.at(-1) ?? "") as T;
  }
}
