/** Trust in one authority, and why a certificate is not believed. */
import assert from "node:assert/strict";
import { CertificateRefused, type RefusalReason } from "../../../src/pki/errors.ts";
import type { Trust } from "../../../src/pki/path.ts";
import type { Issued } from "./authority.ts";

export const trusting = (anchor: Issued, more: Partial<Trust> = {}): Trust => ({
  anchors: [anchor.certificate],
  intermediates: [],
  revocationLists: [],
  revocation: "relaxed",
  ...more,
});

export function assertRefused(reason: RefusalReason, sentence: RegExp, build: () => unknown): void {
  assert.throws(build, (error) => {
    assert.ok(error instanceof CertificateRefused, String(error));
    assert.match(error.message, sentence);
    assert.equal(error.reason, reason);
    return true;
  });
}
