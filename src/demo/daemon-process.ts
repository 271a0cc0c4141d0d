/** One `hawser up` on one of the hosts. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ask } from "../daemon/control/client.ts";
import type { DaemonStatus } from "../daemon/status.ts";
import { inNamespace } from "../host/linux/namespaces.ts";
import type { DemoHost } from "./topology.ts";

/** Milliseconds. */
const START_PATIENCE = 60_000;
const END_PATIENCE = 15_000;
const POLL_INTERVAL = 50;

export class DaemonProcess {
  readonly host: DemoHost;
  readonly controlSocket: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<number | null>;
  #log = "";

  /** @param nodeOptions options for the node process itself, such as a profiler's */
  constructor(host: DemoHost, configPath: string, controlSocket: string, nodeOptions: readonly string[] = []) {
    this.host = host;
    this.controlSocket = controlSocket;
    const [node = "", ...rest] = hawserCommand("up", "--config", configPath);
    const [command = "", ...parameters] = inNamespace(host.namespace, node, ...nodeOptions, ...rest);
    this.#process = spawn(command, parameters, { stdio: ["ignore", "ignore", "pipe"] });
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
    this.#ended = new Promise((resolve) => {
      this.#process.once("error", (error) => {
        this.#log += error.message;
        resolve(null);
      });
      this.#process.once("exit", (code) => resolve(code));
    });
  }

  /** All that it has logged. */
  get log(): string {
    return this.#log;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Waits until it answers. @throws Error with its last words when it ends instead */
  async started(): Promise<void> {
    const deadline = Date.now() + START_PATIENCE;
    while (Date.now() < deadline) {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) break;
      try {
        await this.status();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL));
      }
    }
    throw new Error(`The ${this.host.end} daemon did not come up:\n${this.#log.trim()}`);
  }

  status(): Promise<DaemonStatus> {
    return ask(this.controlSocket, { verb: "status" });
  }

  /** As `hawser down` does. Returns its exit status; null when it had to be killed. */
  async down(): Promise<number | null> {
    await ask(this.controlSocket, { verb: "down" });
    const timer = setTimeout(() => this.kill(), END_PATIENCE);
    const exitStatus = await this.#ended;
    clearTimeout(timer);
    return exitStatus;
  }

  /** Sends a signal and waits for the end. Returns the exit status; null when a signal ended it. */
  signal(signal: NodeJS.Signals): Promise<number | null> {
    this.#process.kill(signal);
    return this.#ended;
  }

  /** For when nothing else is left. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }

  /** Goes on when the demonstration itself ends. */
  release(): void {
    this.#process.unref();
    this.#process.stderr?.destroy();
  }
}

/** The command line of this very build, also when it runs from its sources. */
export function hawserCommand(...parameters: readonly string[]): string[] {
  return nodeCommand("../cli/main", ...parameters);
}

/** @param module path from this folder, without its extension */
export function nodeCommand(module: string, ...parameters: readonly string[]): string[] {
  const isSource = import.meta.url.endsWith(".ts");
  const path = fileURLToPath(new URL(`${module}${isSource ? ".ts" : ".js"}`, import.meta.url));
  return [process.execPath, ...(isSource ? ["--import", "tsx"] : []), path, ...parameters];
}
