/** Entry point of `npm run demo`. */
import { availableParallelism } from "node:os";
import { CommanderError } from "commander";
import { assignCpus } from "../daemon/config/cpus.ts";
import { ExitCode, Failure } from "../daemon/exit-codes.ts";
import { takeName } from "../daemon/named-lock.ts";
import { allowedCpus } from "../host/linux/affinity.ts";
import { Demo } from "./demo.ts";
import { failedExpectations } from "./expectations.ts";
import { parseDemoOptions } from "./options.ts";
import type { DemoOptions } from "./options.ts";
import { humanReport, jsonReport } from "./report.ts";
import { furnishInside, isInside, isRoot, runInside } from "./unprivileged.ts";

const parameters = process.argv.slice(2);

try {
  const options = parseDemoOptions(parameters, availableParallelism());
  if (isInside()) furnishInside();
  process.exitCode = isRoot() ? await demonstrate(options) : await runInside(parameters);
} catch (error) {
  process.exitCode = exitStatus(error);
}

async function demonstrate(options: DemoOptions): Promise<ExitCode> {
  const workerCpus = assignCpus({ kind: "count", count: options.cpus }, allowedCpus());
  // Its hosts have fixed names, so that what a killed run has left can be found.
  const lock = await takeName("hawser demo");
  if (lock === undefined) throw new Failure(ExitCode.BUSY, "Another demonstration is running on this machine; wait until it has ended.");
  const demo = new Demo(options, workerCpus, (progress) => console.error(`demo: ${progress}`));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      demo.clear();
      process.exit(ExitCode.FAILURE);
    });
  }
  let isKept = false;
  try {
    const { measurements, keptNotes } = await demo.run();
    const failures = failedExpectations(measurements);
    console.log(humanReport(measurements, failures));
    if (failures.length > 0) console.error(demo.logs());
    if (keptNotes.length > 0) console.log(["", ...keptNotes].join("\n"));
    if (options.json) console.log(jsonReport(measurements, failures));
    isKept = options.keep;
    return failures.length === 0 ? ExitCode.OK : ExitCode.FAILURE;
  } catch (error) {
    console.error(demo.logs());
    throw error;
  } finally {
    if (isKept) demo.leave();
    else demo.clear();
    lock.release();
  }
}

function exitStatus(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  return error instanceof Failure ? error.exitCode : ExitCode.FAILURE;
}
