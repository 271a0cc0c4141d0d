/** What `npm run bench -- --json` prints is what bench/schema.json says, for a real if short run. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Report } from "../../bench/report.ts";

const PROGRAM = fileURLToPath(new URL("../../bench/main.js", import.meta.url));
const SCHEMA_FILE = fileURLToPath(new URL("../../../bench/schema.json", import.meta.url));
const SHORT = ["--turns", "2", "--seconds", "0.1"];

const schema = z.fromJSONSchema(JSON.parse(readFileSync(SCHEMA_FILE, "utf8")) as Parameters<typeof z.fromJSONSchema>[0]);

function bench(...parameters: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [PROGRAM, ...parameters], { encoding: "utf8" });
}

function reportOf(stdout: string): unknown {
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

test("the last line of a run is one object that the schema takes", () => {
  const { status, stdout, stderr } = bench("--json", "--only", "seal", "--only", "sharedSa", ...SHORT);
  assert.equal(status, 0, stderr);
  const report = reportOf(stdout);
  assert.deepEqual(schema.safeParse(report).error?.issues ?? [], []);
  const { rows, engines } = report as Report;
  assert.ok(rows.length >= 4 * engines.length, "four sizes with each engine");
  for (const { value } of rows) assert.ok(value.min <= value.median && value.median <= value.max);
  assert.match(stdout, /seal +\S+ aes128gcm16 1400/);
});

test("the schema refuses what is not a report", () => {
  const { stdout } = bench("--json", "--only", "sharedSa", ...SHORT);
  const report = reportOf(stdout) as Report;
  assert.ok(schema.safeParse(report).success);
  const [row] = report.rows;
  for (const wrong of [
    { ...report, rows: undefined },
    { ...report, extra: 1 },
    { ...report, rows: [{ ...row, value: { median: null, min: 1, max: 1 } }] },
    { ...report, rows: [{ ...row, reach: { at: 1, sense: "about", met: true } }] },
    { ...report, engines: [{ name: "rot13", version: "1" }] },
  ]) {
    assert.ok(!schema.safeParse(wrong).success, JSON.stringify(wrong).slice(0, 200));
  }
});

test("a benchmark that does not exist is a wrong argument", () => {
  const { status, stderr } = bench("--only", "speed");
  assert.equal(status, 2);
  assert.match(stderr, /there are seal, open, scaling/);
});
