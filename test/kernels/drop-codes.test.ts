import { strict as assert } from "node:assert";
import { test } from "node:test";
import { DROP_REASONS as CAPACITY } from "../../src/kernels/layout.ts";
import * as codes from "../../src/kernels/drop-codes.ts";
import { DROP_REASONS, dropReasonCode, dropReasonName } from "../../src/ipsec/drop-reasons.ts";

/** DROP_IN_NO_STATES → InNoStates */
const camel = (constant: string): string =>
  constant
    .slice("DROP_".length)
    .toLowerCase()
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");

test("the kernels' drop codes are those of the table", () => {
  for (const [constant, code] of Object.entries(codes)) assert.equal(dropReasonName(code), camel(constant), constant);
});

test("the table's codes fit the counter array, and no two reasons share one", () => {
  assert.equal(new Set(DROP_REASONS.map(({ code }) => code)).size, DROP_REASONS.length);
  for (const { code, name, text } of DROP_REASONS) {
    assert.ok(code >= 0 && code < CAPACITY, name);
    assert.ok(text.length > 0, name);
    assert.equal(dropReasonCode(name), code);
  }
});
