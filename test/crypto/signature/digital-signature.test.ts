import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeDigitalSignature, encodeDigitalSignature } from "../../../src/crypto/signature/digital-signature.ts";
import { fromHex, toHex } from "../../../src/wire/octets.ts";

test("is laid out as RFC 7427 §3 draws it", () => {
  const identifier = fromHex("300506032b6570");
  const signature = fromHex("c0ffee");
  const octets = encodeDigitalSignature({ identifier, signature });
  assert.equal(toHex(octets), "07 300506032b6570 c0ffee".replaceAll(" ", ""));
  const decoded = decodeDigitalSignature(octets);
  assert.deepEqual(decoded, { identifier, signature });
});

test("is refused when the length lies or nothing is signed", () => {
  for (const octets of ["", "00", "07", "07300506032b65", "07300506032b6570", "ff30"]) {
    assert.equal(decodeDigitalSignature(fromHex(octets)), undefined, octets);
  }
});

test("an identifier that does not fit its octet of length is a mistake of ours", () => {
  assert.throws(() => encodeDigitalSignature({ identifier: new Uint8Array(256), signature: new Uint8Array(1) }), RangeError);
});
