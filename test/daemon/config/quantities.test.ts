import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decimalFrom,
  integerFrom,
  oneOf,
  parseBoolean,
  parseCountLimit,
  parseDuration,
  parseLifetime,
  parseSizeLimit,
} from "../../../src/daemon/config/quantities.ts";
import { InvalidText } from "../../../src/wire/errors.ts";

const refusal = (text: string) => ({ name: "InvalidText", message: text }) as const;

test("durations are milliseconds, whatever their unit", () => {
  const cases: readonly (readonly [string, number])[] = [
    ["300s", 300_000],
    ["300", 300_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["1d", 86_400_000],
    ["250ms", 250],
    ["1.5h", 5_400_000],
    ["0", 0],
  ];
  for (const [text, expected] of cases) assert.equal(parseDuration(text), expected, text);
});

test("a lifetime or a limit of 0 is none", () => {
  assert.equal(parseLifetime("0"), Infinity);
  assert.equal(parseLifetime("1s"), 1000);
  assert.equal(parseSizeLimit("0"), Infinity);
  assert.equal(parseCountLimit("0"), Infinity);
});

test("sizes count by 1024, packets by 1000", () => {
  assert.equal(parseSizeLimit("1G"), 2 ** 30);
  assert.equal(parseSizeLimit("500m"), 500 * 2 ** 20);
  assert.equal(parseSizeLimit("123"), 123);
  assert.equal(parseCountLimit("2G"), 2e9);
  assert.equal(parseCountLimit("10k"), 10_000);
});

test("what is no quantity is refused with what would be right", () => {
  const cases: readonly (readonly [(text: string) => unknown, string, string])[] = [
    [parseDuration, "5 minutes", '"5 minutes" is not a duration; write it as 300s, 5m, 1h or 1d.'],
    [parseDuration, "-1s", '"-1s" is not a duration; write it as 300s, 5m, 1h or 1d.'],
    [parseDuration, "", '"" is not a duration; write it as 300s, 5m, 1h or 1d.'],
    [parseDuration, "1toString", '"1toString" is not a duration; write it as 300s, 5m, 1h or 1d.'],
    [parseSizeLimit, "1GB", '"1GB" is not a size in octets; write it as 500M or 1G.'],
    [parseSizeLimit, "99999T", '"99999T" is not a size in octets; write it as 500M or 1G.'],
    [parseCountLimit, "1T", '"1T" is not a count; write it as 1000000 or 500M.'],
    [integerFrom(1, 64), "65", '"65" is not a whole number from 1 to 64.'],
    [integerFrom(1, 64), "1e1", '"1e1" is not a whole number from 1 to 64.'],
    [integerFrom(0, 9), "", '"" is not a whole number from 0 to 9.'],
    [decimalFrom(0, 1), "1.1", '"1.1" is not a number from 0 to 1.'],
    [decimalFrom(0, 1), "NaN", '"NaN" is not a number from 0 to 1.'],
    [parseBoolean, "maybe", '"maybe" is neither yes nor no.'],
    [oneOf("trap", "start"), "Start", '"Start" is not one of trap, start.'],
  ];
  for (const [read, text, message] of cases) assert.throws(() => read(text), refusal(message));
  assert.throws(() => parseDuration("x"), InvalidText);
});

test("booleans are swanctl's", () => {
  for (const text of ["yes", "true", "on", "1", "Yes"]) assert.equal(parseBoolean(text), true, text);
  for (const text of ["no", "false", "off", "0", "NO"]) assert.equal(parseBoolean(text), false, text);
});
