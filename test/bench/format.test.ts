import assert from "node:assert/strict";
import { test } from "node:test";
import { formatReport, reach, type Report, type Row } from "../../bench/report.ts";

const sample = (median: number): Row["value"] => ({ median, min: median - 1, max: median + 1 });

const report = (...rows: Row[]): Report => ({
  machine: { cpu: "a CPU", cpus: 2, kernel: "6.18" },
  node: "20.0.0",
  engines: [{ name: "node", version: "1" }],
  date: "2026-01-01T00:00:00.000Z",
  turns: 3,
  seconds: 1,
  rows,
  notMeasured: [{ bench: "peers", reason: "There are none." }],
});

test("a figure has its ratio, its aim, and what is to be known of it", () => {
  const row: Row = { bench: "seal", name: "node 64", unit: "ns", value: sample(12), ratio: sample(2), floor: "engine", note: "slow" };
  const lines = formatReport(report({ ...row, reach: reach("at most", 1.5, 2) })).split("\n");
  assert.equal(lines[3], "seal  node 64  12.0 (11.0–13.0) ns  2.00 (1.00–3.00) × engine  MISSED: at most 1.50  slow");
  assert.equal(lines.at(-1), "peers: not measured: There are none.");
});

test("figures of many cases are one line for each case", () => {
  const row = (name: string, value: number): Row => ({ bench: "schemes", name, unit: "packets", value: sample(value) });
  const lines = formatReport(
    report(row("a, hold: lost", 1), row("a, hold: reordered", 20), { ...row("b, drop: lost", 3), reach: reach("at most", 0, 3) }),
  ).split("\n");
  assert.deepEqual(lines.slice(-4, -1), [
    "schemes  lost, packets                       reordered, packets",
    "a, hold  1.00 (0.00–2.00)                    20.0 (19.0–21.0)",
    "b, drop  3.00 (2.00–4.00) MISSED: at most 0",
  ]);
});
