import assert from "node:assert/strict";
import { test } from "node:test";
import { table } from "../../../src/cli/format/table.ts";
import { formatCount, formatDuration } from "../../../src/cli/format/units.ts";

test("columns are as wide as their widest cell, and lines end where their text does", () => {
  const lines = table(
    [
      { title: "name", value: (row: [string, number, string]) => row[0] },
      { title: "count", value: (row) => String(row[1]), align: "right" },
      { title: "note", value: (row) => row[2] },
    ],
    [
      ["a", 1, ""],
      ["longer", 123_456, "x"],
    ],
  );
  assert.deepEqual(lines, ["name     count  note", "a            1", "longer  123456  x"]);
});

test("durations show their two largest units", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0s"],
    [999, "0s"],
    [12_000, "12s"],
    [247_000, "4m 7s"],
    [3_600_000, "1h"],
    [3_605_000, "1h"],
    [90_061_000, "1d 1h"],
  ];
  for (const [milliseconds, text] of cases) assert.equal(formatDuration(milliseconds), text);
});

test("counts keep three digits", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0"],
    [999, "999"],
    [1000, "1.00k"],
    [12_345, "12.3k"],
    [999_949, "1.00M"],
    [4_560_000_000, "4.56G"],
  ];
  for (const [count, text] of cases) assert.equal(formatCount(count), text);
});
