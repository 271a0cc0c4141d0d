/** The peers' own root, and programs in it on a host. */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DemoHost } from "../../src/demo/topology.ts";
import { runTool } from "../../src/demo/traffic-process.ts";
import { inNamespace } from "../../src/host/linux/namespaces.ts";
import { NotMeasurable } from "../benchmark.ts";

/** `ip netns exec` makes a mount namespace of its own, so what is mounted here goes with the process. */
const ENTER = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"';
const SCRIPT = "scripts/bench-peers.sh";

export class PeerRoot {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
    for (const folder of ["var/run/wireguard", "var/run", "run", "tmp", "etc"]) mkdirSync(join(root, folder), { recursive: true });
  }

  /** Unpacks the peers if that has not been done. @throws NotMeasurable with the reason why they cannot be had */
  static unpack(): PeerRoot {
    const { status, stdout, stderr } = spawnSync("bash", [repositoryFile(SCRIPT)], { encoding: "utf8" });
    if (status !== 0) throw new NotMeasurable(stderr.trim().replace(/^bench-peers: /, ""));
    return new PeerRoot(stdout.trim());
  }

  /** A file or folder inside, as seen from outside. */
  path(inside: string): string {
    return join(this.#root, inside);
  }

  /** Runs a program to its end on a host. @throws Error with its complaint */
  run(host: DemoHost, ...command: readonly string[]): Promise<string> {
    return runTool(this.#enter(host, command));
  }

  /** Starts a program that serves until the host is cleared away. Returns all that it has said so far. */
  serve(host: DemoHost, ...command: readonly string[]): () => string {
    const [program = "", ...parameters] = this.#enter(host, command);
    const child = spawn(program, parameters, { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.once("error", (error) => (said += error.message));
    return () => said;
  }

  #enter(host: DemoHost, command: readonly string[]): string[] {
    return inNamespace(host.namespace, "sh", "-c", ENTER, this.#root, ...command);
  }
}

/** A file of the repository, from the sources as well as from dist/. */
function repositoryFile(path: string): string {
  const up = import.meta.url.endsWith(".ts") ? "../../" : "../../../";
  return fileURLToPath(new URL(up + path, import.meta.url));
}
