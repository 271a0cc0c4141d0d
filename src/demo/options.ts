/** What the demonstration may be told. */
import { Command, InvalidArgumentError, Option } from "commander";

export interface DemoOptions {
  /** Workers, and thus Child SAs, at each end. */
  readonly cpus: number;
  /** Duration of each bulk transfer. */
  readonly seconds: number;
  readonly json: boolean;
  /** Leave both hosts running. */
  readonly keep: boolean;
  readonly scheme: "rfc9611" | "cpu-queues" | "stub";
  readonly engine: "auto" | "ipsec-mb" | "openssl" | "node";
  /** Address family outside and inside the tunnel. */
  readonly outer: 4 | 6;
  readonly inner: 4 | 6;
  readonly sender: "auto" | "iperf3" | "own";
}

export function createDemoCommand(defaultCpus: number): Command {
  return new Command("demo")
    .description(
      "Lays a tunnel between two hosts (network namespaces on this machine) with one Child SA per CPU, pings and moves bulk TCP through it, watches the wire, and reports.",
    )
    .option("--cpus <number>", "workers at each end; beyond the machine's CPUs they share", wholeNumber(1, 64), defaultCpus)
    .option("--seconds <number>", "duration of each bulk transfer", wholeNumber(1, 3600), 4)
    .option("--json", "print one JSON object as the last line", false)
    .option("--keep", "leave both hosts running, and say how to look at them", false)
    .addOption(
      new Option("--scheme <name>", "how additional Child SAs are agreed on").choices(["rfc9611", "cpu-queues", "stub"]).default("rfc9611"),
    )
    .addOption(new Option("--engine <name>", "what encrypts ESP").choices(["auto", "ipsec-mb", "openssl", "node"]).default("auto"))
    .addOption(new Option("--outer <family>", "IP version outside the tunnel").choices(["4", "6"]).default("4"))
    .addOption(new Option("--inner <family>", "IP version inside the tunnel").choices(["4", "6"]).default("4"))
    .addOption(new Option("--sender <name>", "what moves bulk TCP").choices(["auto", "iperf3", "own"]).default("auto"))
    .addHelpText(
      "after",
      "\nExit status: 0 all expectations held, 1 one failed, 2 wrong arguments, 3 something is missing on this machine, 5 another demonstration is running.",
    );
}

/** @throws CommanderError */
export function parseDemoOptions(parameters: readonly string[], defaultCpus: number): DemoOptions {
  const command = createDemoCommand(defaultCpus).exitOverride();
  const { outer, inner, ...options } = command
    .parse(parameters, { from: "user" })
    .opts<Omit<DemoOptions, "outer" | "inner"> & { outer: string; inner: string }>();
  return { ...options, outer: outer === "6" ? 6 : 4, inner: inner === "6" ? 6 : 4 };
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    return value;
  };
}
