/** Runs the traffic tools on the hosts. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { inNamespace } from "../host/linux/namespaces.ts";
import { nodeCommand } from "./daemon-process.ts";
import type { DemoHost } from "./topology.ts";

/** Milliseconds that a tool may take beyond its own duration. */
const PATIENCE = 60_000;

/** A tool of ours on a host, pinned to a CPU ("any": not pinned). */
export function trafficTool(host: DemoHost, ...parameters: readonly string[]): string[] {
  return inNamespace(host.namespace, ...nodeCommand("traffic/main", ...parameters));
}

/** Runs a command to its end and returns what it wrote. @throws Error with its complaint when it fails or takes too long */
export function runTool([command = "", ...parameters]: readonly string[], duration = 0): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, { stdio: ["ignore", "pipe", "pipe"] });
    let [output, complaint] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    const timer = setTimeout(() => child.kill("SIGKILL"), duration + PATIENCE);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else
        reject(new Error(`${[command, ...parameters].join(" ")}: ended with ${signal ?? String(code)}: ${(complaint || output).trim()}`));
    });
  });
}

/** A tool that serves until it is ended. */
export class Server {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  /** Waits until it has written `ready`. @throws Error with its complaint */
  static async start([command = "", ...parameters]: readonly string[], ready: string): Promise<Server> {
    const child = spawn(command, parameters, { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    await new Promise<void>((resolve, reject) => {
      const fail = (what: string): void => reject(new Error(`${[command, ...parameters].join(" ")}: ${what}: ${said.trim()}`));
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        fail("was not ready in time");
      }, PATIENCE);
      const listen = (text: string): void => {
        said += text;
        if (!said.includes(ready)) return;
        clearTimeout(timer);
        resolve();
      };
      child.stdout.setEncoding("utf8").on("data", listen);
      child.stderr.setEncoding("utf8").on("data", listen);
      child.once("error", reject);
      child.once("exit", () => {
        clearTimeout(timer);
        fail("ended before it was ready");
      });
    });
    return new Server(child);
  }

  stop(): void {
    this.#process.kill("SIGKILL");
  }
}
