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
          extended.jumpIfNot(0, 3, 2),
          extended.moduloImmediate(0, 5),
          extended.call(8),
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
});
