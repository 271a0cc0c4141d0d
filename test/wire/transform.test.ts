import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fromHex, toHex, Writer } from "../../src/wire/octets.ts";
import { decodeTransforms, encodeTransforms, type Transform } from "../../src/wire/transform.ts";
import { transform } from "./arbitraries.ts";
import { assertMalformed } from "./malformed.ts";
import { forAll } from "./property.ts";

const encode = (transforms: readonly Transform[]): Uint8Array => {
  const writer = new Writer();
  encodeTransforms(writer, transforms);
  return writer.finish();
};

describe("Transform substructure", () => {
  it("is laid out as RFC 7296 §3.3.2 draws it", () => {
    const octets = fromHex("0300000c 01000014 800e0100  00000008 05000001");
    const transforms: Transform[] = [
      { type: 1, id: 20, keyLength: 256 },
      { type: 5, id: 1 },
    ];
    assert.deepEqual(decodeTransforms(octets, 2), transforms);
    assert.equal(toHex(encode(transforms)), toHex(octets));
  });

  it("survives a round trip with whatever attributes it has", () => {
    forAll(fc.array(transform, { minLength: 1, maxLength: 5 }), (transforms) => {
      const decoded = decodeTransforms(encode(transforms), transforms.length);
      assert.equal(toHex(encode(decoded)), toHex(encode(transforms)));
      assert.deepEqual(
        decoded.map(({ type, id, keyLength, attributes }) => [type, id, keyLength, attributes?.length]),
        transforms.map(({ type, id, keyLength, attributes }) => [type, id, keyLength, attributes?.length]),
      );
    });
  });

  it("keeps attributes that it does not know, in both forms", () => {
    const [transform] = decodeTransforms(fromHex("00000014 01000014 800f0005 00100004 deadbeef"), 1);
    assert.deepEqual(transform?.attributes, [
      { type: 15, value: 5 },
      { type: 16, value: fromHex("deadbeef") },
    ]);
  });

  it("is refused when a count, a length or a continuation mark lies", () => {
    assertMalformed(() => decodeTransforms(fromHex("00000008 05000001"), 2), "bad-transform");
    assertMalformed(() => decodeTransforms(fromHex("03000008 05000001"), 1), "bad-transform");
    assertMalformed(() => decodeTransforms(fromHex("00000008 05000001 00000008 05000001"), 1), "trailing-octets");
    assertMalformed(() => decodeTransforms(fromHex("00000007 05000001"), 1), "bad-length");
    assertMalformed(() => decodeTransforms(fromHex("00000000 05000001"), 1), "bad-length");
    assertMalformed(() => decodeTransforms(fromHex("0000000c 05000001"), 1), "truncated");
    // An attribute in the long form whose length reaches past the transform.
    assertMalformed(() => decodeTransforms(fromHex("0000000c 01000014 000f0001"), 1), "truncated");
  });

  it("has at most one key length, in the short form (§3.3.5)", () => {
    assertMalformed(() => decodeTransforms(fromHex("00000010 01000014 800e0100 800e0080"), 1), "bad-transform");
    assertMalformed(() => decodeTransforms(fromHex("0000000e 01000014 000e00020100"), 1), "bad-transform");
  });

  it("cannot be made with an attribute type that would spill into the format bit", () => {
    assert.throws(() => encode([{ type: 1, id: 20, attributes: [{ type: 0x8000, value: Uint8Array.of(1) }] }]), RangeError);
  });
});
