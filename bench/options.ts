/** What `npm run bench` may be told. */
import { Command, InvalidArgumentError } from "commander";

export interface BenchOptions {
  readonly json: boolean;
  /** Names of benchmarks; empty: all. */
  readonly only: readonly string[];
  /** Length of one turn of a benchmark with I/O; one without takes a thirtieth. */
  readonly seconds: number;
  readonly turns: number;
  /** Instead of measuring, leave a CPU profile and a flame graph of a worker under load. */
  readonly profile: boolean;
}

/** @throws CommanderError */
export function parseBenchOptions(parameters: readonly string[], names: readonly string[]): BenchOptions {
  const collect = (name: string, before: readonly string[]): string[] => {
    if (!names.includes(name)) throw new InvalidArgumentError(`There is no such benchmark; there are ${names.join(", ")}.`);
    return [...before, name];
  };
  return new Command("bench")
    .description(
      "Measures Hawser against what it stands on (the cipher engine, plain veth) and against its peers, each ratio within one run.",
    )
    .option("--json", "print one JSON object as the last line (bench/schema.json describes it)", false)
    .option("--only <name>", "run only this benchmark; may be repeated", collect, [])
    .option("--seconds <number>", "length of one turn of a benchmark with I/O", between(0.1, 600), 2)
    .option("--turns <number>", "repetitions that medians are taken of", between(1, 99), 5)
    .option("--profile", "leave a CPU profile and a flame graph of a worker under load instead, and say where", false)
    .exitOverride()
    .parse(parameters, { from: "user" })
    .opts<BenchOptions>();
}

function between(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
    if (!(value >= low && value <= high)) throw new InvalidArgumentError(`It must be a number from ${low} to ${high}.`);
    return value;
  };
}
