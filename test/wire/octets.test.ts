import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { InvalidText } from "../../src/wire/errors.ts";
import { concat, equalOctets, fromHex, Reader, toHex, Writer } from "../../src/wire/octets.ts";
import { octets, u16, u32, u64, u8 } from "./arbitraries.ts";
import { assertMalformed } from "./malformed.ts";
import { forAll } from "./property.ts";

describe("Reader", () => {
  it("reads big-endian fields in order", () => {
    const reader = new Reader(fromHex("01 0203 04050607 08090a0b0c0d0e0f 1011"));
    assert.equal(reader.u8(), 0x01);
    assert.equal(reader.u16(), 0x0203);
    assert.equal(reader.u32(), 0x04050607);
    assert.equal(reader.u64(), 0x08090a0b0c0d0e0fn);
    assert.equal(reader.offset, 15);
    assert.equal(reader.remaining, 2);
    assert.deepEqual(reader.rest(), fromHex("1011"));
    reader.expectEnd("the test");
  });

  it("keeps the sign bit out of 32-bit fields and all 64 bits of wide ones", () => {
    const reader = new Reader(fromHex("ffffffff ffffffffffffffff"));
    assert.equal(reader.u32(), 4294967295);
    assert.equal(reader.u64(), 18446744073709551615n);
  });

  it("reads within a window of a larger buffer and not beyond it", () => {
    const window = fromHex("aaaa 0102 bbbb").subarray(2, 4);
    const reader = new Reader(window);
    assert.equal(reader.u16(), 0x0102);
    assertMalformed(() => reader.u8(), "truncated");
  });

  it("refuses every read past the end and then still reads what is there", () => {
    for (const read of ["u16", "u32", "u64"] as const) {
      const reader = new Reader(Uint8Array.of(7));
      assertMalformed(() => reader[read](), "truncated");
      assert.equal(reader.u8(), 7);
    }
    assertMalformed(() => new Reader(new Uint8Array(3)).take(4), "truncated");
    assertMalformed(() => {
      new Reader(new Uint8Array(3)).skip(4);
    }, "truncated");
    assertMalformed(() => new Reader(new Uint8Array(15)).unsigned(16), "truncated");
  });

  it("calls left-over octets by their structure", () => {
    const reader = new Reader(new Uint8Array(2));
    reader.skip(1);
    assertMalformed(() => {
      reader.expectEnd("Delete");
    }, "trailing-octets");
    assert.throws(() => {
      reader.expectEnd("Delete");
    }, /1 octets after the end of Delete/);
  });
});

describe("Writer", () => {
  it("writes what Reader reads", () => {
    forAll(fc.tuple(u8, u16, u32, u64, octets(0, 300)), ([a, b, c, d, tail]) => {
      const reader = new Reader(new Writer(1).u8(a).u16(b).u32(c).u64(d).octets(tail).finish());
      assert.deepEqual([reader.u8(), reader.u16(), reader.u32(), reader.u64()], [a, b, c, d]);
      assert.deepEqual(reader.rest(), new Uint8Array(tail));
    });
  });

  it("refuses values that their field cannot hold", () => {
    assert.throws(() => new Writer().u8(256), RangeError);
    assert.throws(() => new Writer().u16(65536), RangeError);
    assert.throws(() => new Writer().u32(2 ** 32), RangeError);
    assert.throws(() => new Writer().u64(2n ** 64n), RangeError);
    assert.throws(() => new Writer().u64(-1n), RangeError);
    assert.throws(() => new Writer().u8(-1), RangeError);
    assert.throws(() => new Writer().u8(1.5), RangeError);
    assert.throws(() => new Writer().u32(Number.NaN), RangeError);
  });

  it("writes reserved octets as zero even where it has grown", () => {
    assert.equal(toHex(new Writer(1).u8(0xff).zeros(3).u8(0xff).finish()), "ff000000ff");
  });
});

describe("concat, equalOctets and hexadecimal", () => {
  it("concat copies its parts", () => {
    const part = Uint8Array.of(1, 2);
    const whole = concat(part, new Uint8Array(0), Uint8Array.of(3));
    part[0] = 9;
    assert.deepEqual(whole, Uint8Array.of(1, 2, 3));
  });

  it("equalOctets compares length and content", () => {
    assert.ok(equalOctets(Uint8Array.of(1, 2), Uint8Array.of(1, 2)));
    assert.ok(!equalOctets(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
    assert.ok(!equalOctets(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3)));
    assert.ok(equalOctets(new Uint8Array(0), new Uint8Array(0)));
  });

  it("fromHex inverts toHex, whatever the case", () => {
    forAll(octets(0, 40), (value) => {
      assert.deepEqual(fromHex(toHex(value)), new Uint8Array(value));
      assert.deepEqual(fromHex(toHex(value).toUpperCase()), new Uint8Array(value));
      assert.equal(toHex(value), Buffer.from(value).toString("hex"));
    });
  });

  it("fromHex refuses odd lengths and other letters", () => {
    assert.throws(() => fromHex("abc"), InvalidText);
    assert.throws(() => fromHex("0g"), InvalidText);
  });
});
