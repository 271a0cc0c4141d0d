import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { assembleClassic, assembleExtended, classic, extended } from "../../src/host/linux/bpf-assembler.ts";

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");

describe("classic BPF", () => {
  it("encodes each instruction as linux/filter.h lays it out", () => {
    const program = [
      classic.loadWord(0),
      classic.jumpIfEqual(0, "control", "esp"),
      "control",
      classic.returnValue(0),
      "esp",
      classic.multiply(0x9e3779b1),
      classic.returnA(),
    ];
    assert.equal(
      hex(assembleClassic(program)),
      ["2000000000000000", "1500000100000000", "0600000000000000", "24000000b179379e", "1600000000000000"].join(""),
    );
  });

  it("a jump without a label falls through", () => {
    assert.equal(
      hex(assembleClassic([classic.jumpIfAnyBit(1, undefined, "end"), classic.returnA(), "end", classic.returnValue(7)])),
      ["4500000101000000", "1600000000000000", "0600000007000000"].join(""),
    );
  });

  it("refuses a label that is missing, behind, or too far", () => {
    assert.throws(() => assembleClassic([classic.jumpIfEqual(1, "nowhere"), classic.returnA()]), RangeError);
    assert.throws(() => assembleClassic(["back", classic.returnA(), classic.jumpIfEqual(1, "back")]), RangeError);
    const far = Array.from({ length: 256 }, () => classic.returnA());
    assert.throws(() => assembleClassic([classic.jumpIfEqual(1, "end"), ...far, "end", classic.returnA()]), RangeError);
  });
});

describe("eBPF", () => {
  it("encodes each instruction as RFC 9669 §3 lays it out", () => {
    assert.equal(
      hex(
        assembleExtended([
          ...extended.loadMapValue(1, 9),
          extended.move(6, 1),
          extended.moveImmediate(0, -1),
          extended.loadWord(0, 6, 68),
          extended.atomicFetchAdd(1, 0, 0),
          extended.jumpIfNot(0, 3, "end"),
          extended.moduloImmediate(0, 5),
          extended.call(8),
          "end",
          extended.exit(),
        ]),
      ),
      [
        "1821000009000000" + "0000000000000000",
        "bf16000000000000",
        "b7000000ffffffff",
        "6160440000000000",
        "c301000001000000",
        "5500020003000000",
        "9700000005000000",
        "8500000008000000",
        "9500000000000000",
      ].join(""),
    );
  });

  it("encodes loads, stores and jumps of the dispatch program", () => {
    assert.equal(
      hex(
        assembleExtended([
          ...extended.loadMap(1, 9),
          extended.loadDouble(1, 8, 8),
          extended.storeWord(10, 1, -4),
          extended.storeDouble(8, 9, 0),
          extended.addImmediate(2, -4),
          extended.andImmediate(1, 4095),
          extended.subtract(2, 1),
          extended.jumpIf(0, 0, "end"),
          extended.jumpIfAbove(2, 1000, "end"),
          extended.jumpIfSame(0, 7, "end"),
          extended.jump("end"),
          "end",
          extended.exit(),
        ]),
      ),
      [
        "1811000009000000" + "0000000000000000",
        "7981080000000000",
        "631afcff00000000",
        "7b98000000000000",
        "07020000fcffffff",
        "57010000ff0f0000",
        "1f12000000000000",
        "1500030000000000",
        "25020200e8030000",
        "1d70010000000000",
        "0500000000000000",
        "9500000000000000",
      ].join(""),
    );
    assert.throws(() => assembleExtended([extended.jump("nowhere"), extended.exit()]), RangeError);
    assert.throws(() => assembleExtended(["back", extended.jump("back"), extended.exit()]), RangeError);
  });
});
