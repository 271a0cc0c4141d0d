/**
 * The daemon's log, on standard error. Levels say what a person should do: error: something is broken now; warn: look at it, worth being woken
 * for; info: nothing, but it explains the state; debug and trace: for whoever looks for a mistake. Keys are never logged.
 */
import { writeSync } from "node:fs";
import { pino } from "pino";
import type { Logger } from "pino";
import { formatLogLine } from "./human-format.ts";

export type { Logger } from "pino";

export type LogFormat = "human" | "json";

const STANDARD_ERROR = 2;

/** @param write takes a whole line; a log that cannot be written is no reason to stop carrying packets */
export function createLogger(level: string, format: LogFormat, write: (line: string) => void = writeStandardError): Logger {
  const destination = { write: (line: string): void => write(format === "json" ? line : formatLogLine(line)) };
  return pino({ level, base: null }, destination);
}

function writeStandardError(line: string): void {
  try {
    writeSync(STANDARD_ERROR, line);
  } catch {
    // Standard error is closed or a full pipe: there is nowhere left to say so.
  }
}
