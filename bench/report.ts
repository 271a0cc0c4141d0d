/** One figure of a benchmark, and the whole report. The JSON form is described by bench/schema.json. */
import { cpus, release } from "node:os";
import type { Sample } from "./measure.ts";

export interface Row {
  /** Which benchmark. */
  readonly bench: string;
  /** Which case of it, e.g. "ipsec-mb aes128gcm16 1400". */
  readonly name: string;
  /** Unit of `value`. */
  readonly unit: string;
  readonly value: Sample;
  /** What the ratio is against. */
  readonly floor?: string;
  readonly ratio?: Sample;
  /** What the figure needs to be understood. */
  readonly note?: string;
  /** What is aimed at for the ratio (or for the value where there is none), and whether it was reached. */
  readonly reach?: { readonly at: number; readonly sense: "at most" | "at least"; readonly met: boolean };
}

export interface Report {
  readonly machine: { readonly cpu: string; readonly cpus: number; readonly kernel: string };
  readonly node: string;
  readonly engines: readonly { readonly name: string; readonly version: string }[];
  readonly date: string;
  /** Repetitions, and the length of one with I/O. */
  readonly turns: number;
  readonly seconds: number;
  readonly rows: readonly Row[];
  /** Benchmarks that could not run here, with the reason. */
  readonly notMeasured: readonly { readonly bench: string; readonly reason: string }[];
}

export function describeMachine(): Report["machine"] {
  return { cpu: cpus()[0]?.model ?? "unknown", cpus: cpus().length, kernel: release() };
}

export function reach(sense: "at most" | "at least", at: number, value: number): NonNullable<Row["reach"]> {
  return { at, sense, met: sense === "at most" ? value <= at : value >= at };
}

const number = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
const spread = ({ median, min, max }: Sample): string => `${number(median)} (${number(min)}–${number(max)})`;

export function formatReport(report: Report): string {
  const lines = [
    `${report.machine.cpu}, ${report.machine.cpus} CPUs, Linux ${report.machine.kernel}, Node ${report.node}, ${report.engines.map(({ name, version }) => `${name} ${version}`).join(", ")}`,
    "median (min–max) of interleaved turns",
    "",
  ];
  const cells = report.rows.map((row) => [
    row.bench,
    row.name,
    `${spread(row.value)} ${row.unit}`,
    row.ratio === undefined ? "" : `${spread(row.ratio)} × ${row.floor ?? ""}`,
    row.reach === undefined ? "" : `${row.reach.met ? "met" : "MISSED"}: ${row.reach.sense} ${number(row.reach.at)}`,
    row.note ?? "",
  ]);
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(0, ...cells.map((cell) => cell[column]?.length ?? 0)));
  for (const cell of cells)
    lines.push(
      cell
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  for (const { bench, reason } of report.notMeasured) lines.push(`${bench}: not measured: ${reason}`);
  return lines.join("\n");
}
