/** Daemons of others, each run from a root directory of its own (scripts/interop-peers.sh), on one of the hosts. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { DemoHost } from "../../../src/demo/topology.ts";
import { inNamespace } from "../../../src/host/linux/namespaces.ts";
import { packageFile } from "./package-file.ts";
import { missing, skipFor } from "./requirements.ts";

export type PeerName = "strongswan" | "strongswan-next" | "libreswan";

/** Milliseconds: the first time, packages are fetched. */
const FETCH_PATIENCE = 180_000;

export type PeerRoot = { readonly root: string; readonly skip: false } | { readonly root: undefined; readonly skip: string };

/** Where the peer is unpacked; fetches it the first time. `programs`: what else the test needs. */
export function peerRoot(peer: PeerName, ...programs: readonly string[]): PeerRoot {
  const skip = missing(...programs);
  if (skip !== false) return { root: undefined, skip };
  const { status, stdout, stderr, error } = spawnSync("bash", [packageFile("scripts/interop-peers.sh"), peer], {
    encoding: "utf8",
    timeout: FETCH_PATIENCE,
  });
  if (status === 0) return { root: stdout.trim(), skip: false };
  return { root: undefined, skip: skipFor((error?.message ?? stderr.trim()) || `interop-peers.sh ended with ${status}`) };
}

/** Where a peer finds its configuration and leaves its log and its control socket: the scratch folder that it was started with. */
export const INSIDE = "/mnt";

export interface Jail {
  readonly host: DemoHost;
  readonly root: string;
  /** Folder of this run: {@link INSIDE} for the peer. */
  readonly scratch: string;
}

/**
 * A command line that runs a program of the peer's on the host. `ip netns exec` gives it a mount namespace of its own, so that what is mounted here
 * goes with the process, and no other run sees it.
 */
export function inJail(
  { host, root, scratch }: Jail,
  environment: Readonly<Record<string, string>>,
  ...command: readonly string[]
): string[] {
  const script = [
    'mount --rbind /dev "$1/dev"',
    'mount -t proc proc "$1/proc"',
    'mount -t tmpfs tmpfs "$1/run"',
    `mount --bind "$2" "$1${INSIDE}"`,
    'root=$1; shift 2; exec chroot "$root" /usr/bin/env "$@"',
  ].join(" && ");
  const variables = Object.entries({ PATH: "/usr/sbin:/usr/bin", ...environment }).map(([name, value]) => `${name}=${value}`);
  return inNamespace(host.namespace, "sh", "-c", script, "jail", root, scratch, "-i", ...variables, ...command);
}

/** A daemon in a jail, and what it says. */
export class JailedDaemon {
  readonly #process: ChildProcess;
  readonly #logFile: string;
  #said = "";

  /** @param logFile where it writes its log, as seen from outside */
  constructor(jail: Jail, logFile: string, environment: Readonly<Record<string, string>>, ...command: readonly string[]) {
    this.#logFile = logFile;
    const [program = "", ...parameters] = inJail(jail, environment, ...command);
    this.#process = spawn(program, parameters, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (this.#said += text));
    }
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  get log(): string {
    const file = existsSync(this.#logFile) ? readFileSync(this.#logFile, "utf8") : "";
    return this.#said + file;
  }

  /** As a crash would: nobody is told. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }
}
