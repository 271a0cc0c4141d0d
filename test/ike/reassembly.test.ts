import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAX_FRAGMENTS, MAX_MESSAGE_LENGTH, Reassembly, type AuthenticFragment } from "../../src/ike/reassembly.ts";
import type { SkfPayload } from "../../src/wire/payload.ts";

const KEY = { isResponse: false, messageId: 1 };

const skf = (fragmentNumber: number, totalFragments: number): SkfPayload => ({
  type: "SKF",
  firstInner: fragmentNumber === 1 ? 35 : 0,
  fragmentNumber,
  totalFragments,
  body: new Uint8Array(0),
});

const fragment = (number: number, total: number, length = 1): AuthenticFragment => ({
  skf: skf(number, total),
  plaintext: new Uint8Array(length).fill(number),
  datagram: Uint8Array.of(0xd0, number),
  aad: Uint8Array.of(0xaa, number),
});

describe("reassembly (RFC 7383 §2.6)", () => {
  it("puts fragments together in their order, whatever the order they come in", () => {
    const reassembly = new Reassembly();
    assert.equal(reassembly.add(KEY, fragment(3, 3)), undefined);
    assert.equal(reassembly.add(KEY, fragment(1, 3)), undefined);
    assert.deepEqual(reassembly.add(KEY, fragment(2, 3)), {
      firstInner: 35,
      plaintext: Uint8Array.of(1, 2, 3),
      datagram: Uint8Array.of(0xd0, 1),
      aad: Uint8Array.of(0xaa, 1),
    });
    assert.equal(reassembly.size, 0, "nothing is kept");
  });

  it("keeps copies, as datagrams are read into buffers that are used again", () => {
    const reassembly = new Reassembly();
    const first = fragment(1, 2);
    reassembly.add(KEY, first);
    for (const octets of [first.plaintext, first.datagram, first.aad]) octets.fill(0xff);
    const whole = reassembly.add(KEY, fragment(2, 2));
    assert.ok(typeof whole === "object");
    assert.deepEqual([whole.plaintext, whole.datagram, whole.aad], [Uint8Array.of(1, 2), Uint8Array.of(0xd0, 1), Uint8Array.of(0xaa, 1)]);
  });

  it("tells requests from responses and messages from one another", () => {
    const reassembly = new Reassembly();
    reassembly.add(KEY, fragment(1, 2));
    for (const other of [
      { isResponse: true, messageId: 1 },
      { isResponse: false, messageId: 2 },
    ]) {
      assert.equal(reassembly.refusal(other, skf(1, 2)), undefined);
      assert.equal(reassembly.add(other, fragment(2, 2)), undefined);
    }
    assert.equal(reassembly.size, 3);
  });

  it("knows a repetition before it is decrypted", () => {
    const reassembly = new Reassembly();
    reassembly.add(KEY, fragment(1, 2));
    assert.equal(reassembly.refusal(KEY, skf(1, 2)), "fragmentRepeated");
    assert.equal(reassembly.refusal(KEY, skf(2, 2)), undefined);
  });

  it("begins anew when the sender has gone over to smaller fragments, and takes no larger ones after that", () => {
    const reassembly = new Reassembly();
    reassembly.add(KEY, fragment(1, 2));
    assert.equal(reassembly.refusal(KEY, skf(1, 3)), undefined);
    reassembly.add(KEY, fragment(1, 3));
    assert.equal(reassembly.refusal(KEY, skf(2, 2)), "fragmentOutdated");
    reassembly.add(KEY, fragment(2, 3));
    const whole = reassembly.add(KEY, fragment(3, 3));
    assert.ok(typeof whole === "object");
    assert.deepEqual(whole.plaintext, Uint8Array.of(1, 2, 3));
  });

  it("holds a bounded number of fragments and of octets", () => {
    const reassembly = new Reassembly();
    assert.equal(reassembly.refusal(KEY, skf(1, MAX_FRAGMENTS)), undefined);
    assert.equal(reassembly.refusal(KEY, skf(1, MAX_FRAGMENTS + 1)), "fragmentTooMany");
    reassembly.add(KEY, fragment(1, 3, MAX_MESSAGE_LENGTH));
    assert.equal(reassembly.add(KEY, fragment(2, 3)), "fragmentTooMany");
    assert.equal(reassembly.size, 0, "such a message cannot be completed any more");
  });

  it("forgets on demand", () => {
    const reassembly = new Reassembly();
    reassembly.add(KEY, fragment(1, 2));
    reassembly.forget(KEY);
    assert.equal(reassembly.add(KEY, fragment(2, 2)), undefined);
  });
});
