/** What every decoder promises about hostile octets. */
import assert from "node:assert/strict";
import { MalformedMessage, type MalformedReason } from "../../src/wire/errors.ts";

/** `decode` must refuse, and for this reason. */
export function assertMalformed(decode: () => unknown, reason: MalformedReason): void {
  assert.throws(decode, (error) => {
    assert.ok(error instanceof MalformedMessage, `threw ${String(error)}`);
    assert.equal(error.reason, reason, error.message);
    return true;
  });
}

/** `decode` may accept or refuse, but whatever it throws is a MalformedMessage. Returns whether it accepted. */
export function acceptsOrRefuses(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    if (error instanceof MalformedMessage) return false;
    throw error;
  }
}
