/** What every benchmark is given, and what it is to the program: a name, a sentence, and a function that measures. */
import type { EngineName } from "../src/dataplane/engines/engine.ts";
import type { Row } from "./report.ts";

export interface BenchContext {
  /** Engines that work here, best first. */
  readonly engines: readonly EngineName[];
  /** Repetitions that medians are taken of. */
  readonly turns: number;
  /** Length of one turn of a benchmark without I/O. */
  readonly milliseconds: number;
  /** Length of one turn of a benchmark with I/O. */
  readonly seconds: number;
  /** Tells whoever waits what goes on. */
  readonly say: (progress: string) => void;
  /** Names a part that cannot be measured here, with the reason. No ratio is printed for it. */
  readonly skip: (part: string, reason: string) => void;
}

export interface Benchmark {
  readonly name: string;
  readonly about: string;
  readonly run: (context: BenchContext) => readonly Row[] | Promise<readonly Row[]>;
}

/** This benchmark needs what the machine has not. The message is a sentence that says what. */
export class NotMeasurable extends Error {
  override readonly name = "NotMeasurable";
}
