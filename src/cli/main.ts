#!/usr/bin/env node
/** Entry point of the program: carries out one verb and ends with a documented exit status. */
import { CommanderError } from "commander";
import { ConfigError } from "../daemon/config/problems.ts";
import { ExitCode, Failure } from "../daemon/exit-codes.ts";
import { createProgram } from "./program.ts";

try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  process.exitCode = exitStatus(error);
}

/** Also says what there is to say; commander has already said its own. */
function exitStatus(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
  if (error instanceof ConfigError) {
    console.error(error.message);
    return ExitCode.USAGE;
  }
  if (error instanceof Failure) {
    console.error(`hawser: ${error.message}`);
    return error.exitCode;
  }
  console.error("hawser: this is a mistake in the program itself:", error);
  return ExitCode.FAILURE;
}
