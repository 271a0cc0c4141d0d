/** One figure of a benchmark, and the whole report. The JSON form is described by bench/schema.json. */
import { cpus, release } from "node:os";
import type { Sample } from "./measure.ts";
import { formatTable } from "./table.ts";

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

/** Between the case and the figure in the name of a row of a benchmark that has the same figures for many cases. */
const OF_CASE = ": ";

/** One line for each case, one column for each figure. */
function formatCases(bench: string, rows: readonly Row[]): string[] {
  const parts = rows.map((row) => ({ row, case_: row.name.split(OF_CASE)[0] ?? "", figure: row.name.split(OF_CASE)[1] ?? "" }));
  const cases = [...new Set(parts.map(({ case_ }) => case_))];
  const figures = [...new Set(parts.map(({ row, figure }) => `${figure}, ${row.unit}`))];
  const cell = (case_: string, figure: string): string => {
    const found = parts.find((part) => part.case_ === case_ && `${part.figure}, ${part.row.unit}` === figure)?.row;
    return found === undefined
      ? ""
      : spread(found.value) + (found.reach?.met === false ? ` MISSED: ${found.reach.sense} ${found.reach.at}` : "");
  };
  return formatTable([[bench, ...figures], ...cases.map((case_) => [case_, ...figures.map((figure) => cell(case_, figure))])]);
}

export function formatReport(report: Report): string {
  const lines = [
    `${report.machine.cpu}, ${report.machine.cpus} CPUs, Linux ${report.machine.kernel}, Node ${report.node}, ${report.engines.map(({ name, version }) => `${name} ${version}`).join(", ")}`,
    "median (min–max) of interleaved turns",
    "",
  ];
  const isOfCase = ({ name }: Row): boolean => name.includes(OF_CASE);
  const cells = report.rows
    .filter((row) => !isOfCase(row))
    .map((row) => [
      row.bench,
      row.name,
      `${spread(row.value)} ${row.unit}`,
      row.ratio === undefined ? "" : `${spread(row.ratio)} × ${row.floor ?? ""}`,
      row.reach === undefined ? "" : `${row.reach.met ? "met" : "MISSED"}: ${row.reach.sense} ${number(row.reach.at)}`,
      row.note ?? "",
    ]);
  lines.push(...formatTable(cells));
  for (const bench of new Set(report.rows.filter(isOfCase).map((row) => row.bench))) {
    lines.push(
      "",
      ...formatCases(
        bench,
        report.rows.filter((row) => row.bench === bench && isOfCase(row)),
      ),
    );
  }
  for (const { bench, reason } of report.notMeasured) lines.push(`${bench}: not measured: ${reason}`);
  return lines.join("\n");
}
