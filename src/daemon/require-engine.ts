/** Whether the cipher engine that the configuration wants works here, asked before anything is begun. */
import type { EngineProbe } from "../dataplane/engines/engines.ts";
import { ExitCode, Failure } from "./exit-codes.ts";

/** @throws Failure MISSING with the reason, and what to do */
export function requireEngine(engine: string, probe: () => readonly EngineProbe[]): void {
  if (engine === "auto") return;
  const found = probe().find(({ name }) => name === engine);
  if (found?.available === true) return;
  throw new Failure(
    ExitCode.MISSING,
    `The engine ${engine} cannot be used here: ${found?.reason ?? "it is unknown"}; install what it needs, or use engine: auto.`,
  );
}
