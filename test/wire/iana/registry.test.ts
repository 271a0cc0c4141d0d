import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { registry } from "../../../src/wire/iana/index.ts";

describe("registry", () => {
  const colours = registry("Colours", 8, { RED: 1, BLUE: 255 });

  it("gives constants, names and membership", () => {
    assert.equal(colours.RED, 1);
    assert.equal(colours.nameOf(255), "BLUE");
    assert.ok(colours.has(1));
    assert.ok(!colours.has(2));
    assert.deepEqual(colours.entries(), [
      ["RED", 1],
      ["BLUE", 255],
    ]);
  });

  it("names what it does not know", () => {
    assert.equal(colours.nameOf(240), "unknown(240)");
  });

  it("refuses numbers that are too wide or assigned twice", () => {
    assert.throws(() => registry("Wide", 8, { A: 256 }), /A = 256 is not a 8-bit number/);
    assert.throws(() => registry("Negative", 8, { A: -1 }), RangeError);
    assert.throws(() => registry("Twice", 8, { A: 3, B: 3 }), /3 is both A and B/);
  });

  it("cannot be changed afterwards", () => {
    assert.ok(Object.isFrozen(colours));
  });
});
