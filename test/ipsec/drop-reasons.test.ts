import assert from "node:assert/strict";
import { test } from "node:test";
import { DROP_REASONS, dropReasonCode, dropReasonName, dropReasonText } from "../../src/ipsec/drop-reasons.ts";
import * as KernelCodes from "../../src/kernels/drop-codes.ts";

test("codes and names are unique, and codes fit the kernels' counter array", () => {
  assert.equal(new Set(DROP_REASONS.map(({ code }) => code)).size, DROP_REASONS.length);
  assert.equal(new Set(DROP_REASONS.map(({ name }) => name)).size, DROP_REASONS.length);
  for (const { code } of DROP_REASONS) assert.ok(Number.isInteger(code) && code >= 0 && code < 64);
});

test("names, codes and texts lead to each other", () => {
  for (const { name, code, text } of DROP_REASONS) {
    assert.equal(dropReasonCode(name), code);
    assert.equal(dropReasonName(code), name);
    assert.equal(dropReasonText(name), text);
    assert.ok(text.length > 0);
  }
  assert.equal(dropReasonName(63), undefined);
});

test("the way that a reason is about begins its name", () => {
  for (const { name, direction } of DROP_REASONS) {
    if (name.startsWith("In")) assert.equal(direction, "in");
    if (name.startsWith("Out")) assert.equal(direction, "out");
  }
});

/** DROP_IN_HDR_ERROR is InHdrError. */
const nameOfConstant = (constant: string): string =>
  constant
    .replace(/^DROP/, "")
    .toLowerCase()
    .replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

test("the kernels count under the same codes", () => {
  const constants = Object.entries(KernelCodes);
  assert.ok(constants.length > 0);
  for (const [constant, code] of constants) assert.equal(dropReasonName(code), nameOfConstant(constant), constant);
});
