/** Entry point of `npm run bench`: progress on stderr, the table on stdout. */
import { CommanderError } from "commander";
import { ExitCode } from "../src/daemon/exit-codes.ts";
import { probeEngines } from "../src/dataplane/engines/engines.ts";
import { NotMeasurable } from "./benchmark.ts";
import { BENCHMARKS } from "./benchmarks.ts";
import { parseBenchOptions } from "./options.ts";
import type { BenchOptions } from "./options.ts";
import { profileWorker } from "./profile.ts";
import { describeMachine, formatReport } from "./report.ts";
import type { Report, Row } from "./report.ts";

/** A turn without I/O needs no longer: nothing has to warm up in it. */
const TURN_WITHOUT_IO = 1 / 30;

const say = (progress: string): void => console.error(`bench: ${progress}`);

try {
  const options = parseBenchOptions(
    process.argv.slice(2),
    BENCHMARKS.map(({ name }) => name),
  );
  if (options.profile) await profileWorker(options.seconds, say);
  else print(await measure(options), options.json);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
  else {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = error instanceof NotMeasurable ? ExitCode.MISSING : ExitCode.FAILURE;
  }
}

async function measure({ only, turns, seconds }: BenchOptions): Promise<Report> {
  const probes = probeEngines();
  const available = probes.filter((probe) => probe.available);
  const rows: Row[] = [];
  const notMeasured: { bench: string; reason: string }[] = [];
  for (const probe of probes) if (!probe.available) notMeasured.push({ bench: `engine ${probe.name}`, reason: probe.reason });
  for (const benchmark of BENCHMARKS.filter(({ name }) => only.length === 0 || only.includes(name))) {
    say(`${benchmark.name}: ${benchmark.about}`);
    const skip = (bench: string, reason: string): number => notMeasured.push({ bench, reason });
    try {
      const milliseconds = seconds * 1000 * TURN_WITHOUT_IO;
      rows.push(...(await benchmark.run({ engines: available.map(({ name }) => name), turns, milliseconds, seconds, say, skip })));
    } catch (error) {
      skip(benchmark.name, error instanceof Error ? error.message : String(error));
      // The others can still be measured, but a run in which something broke has not succeeded.
      if (!(error instanceof NotMeasurable)) process.exitCode = ExitCode.FAILURE;
    }
  }
  return {
    machine: describeMachine(),
    node: process.versions.node,
    engines: available.map(({ name, version }) => ({ name, version })),
    date: new Date().toISOString(),
    turns,
    seconds,
    rows,
    notMeasured,
  };
}

function print(report: Report, json: boolean): void {
  console.log(formatReport(report));
  if (json) console.log(JSON.stringify(report));
}
