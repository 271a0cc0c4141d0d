/** Where the user may not make network devices: the same again as root of a user namespace of its own, where the kernel allows that. */
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync } from "node:fs";
import { ExitCode, Failure } from "../daemon/exit-codes.ts";
import { nodeCommand } from "./daemon-process.ts";

/** Set for the process inside. */
const MARKER = "HAWSER_DEMO_IN_NAMESPACE";
const NAMESPACES = ["--user", "--map-root-user", "--net", "--mount"];

export const isInside = (): boolean => process.env[MARKER] !== undefined;

export const isRoot = (): boolean => process.getuid?.() === 0;

/** Runs the demonstration again inside, and returns its exit status. @throws Failure MISSING with what to do */
export async function runInside(parameters: readonly string[]): Promise<number> {
  requireTun();
  const probe = spawnSync("unshare", [...NAMESPACES, "true"], { encoding: "utf8" });
  if (probe.error !== undefined || probe.status !== 0) {
    const why = probe.error?.message ?? probe.stderr.trim();
    throw new Failure(
      ExitCode.MISSING,
      `The demonstration needs root, or a kernel that lets users make namespaces, and this one does not (${why}); run: sudo npm run demo`,
    );
  }
  return new Promise((resolve, reject) => {
    // The channel tells the process inside when this one is gone, however it ended.
    const child = spawn("unshare", [...NAMESPACES, ...nodeCommand("main", ...parameters)], {
      stdio: ["inherit", "inherit", "inherit", "ipc"],
      env: { ...process.env, [MARKER]: "1" },
    });
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? ExitCode.FAILURE));
  });
}

/** Prepares the inside: `ip netns` wants to write below /run, which belongs to the real root. */
export function furnishInside(): void {
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "tmpfs", "/run"], { encoding: "utf8" });
  if (status !== 0) throw new Failure(ExitCode.MISSING, `A private /run cannot be mounted (${stderr.trim()}); run: sudo npm run demo`);
  mkdirSync("/run/netns");
  process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
  // It is no reason to live on.
  process.channel?.unref();
}

function requireTun(): void {
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
  } catch {
    throw new Failure(
      ExitCode.MISSING,
      "The demonstration needs root, or access to /dev/net/tun, which this user has not; run: sudo npm run demo",
    );
  }
}
