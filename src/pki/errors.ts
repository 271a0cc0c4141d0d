/** What can be wrong with the certificates of an operator or of a peer. Every message is a sentence for the operator of this host. */

/** Octets or text that are not what they should be: a certificate, a revocation list, a name. */
export class MalformedCertificate extends Error {
  override readonly name = "MalformedCertificate";
}

/** Why a certificate is not believed. Stable names: for tests and counters. */
export type RefusalReason =
  | "expired"
  | "not yet valid"
  | "untrusted issuer"
  | "not an authority"
  | "path too long"
  | "key usage"
  | "critical extension"
  | "name constraints"
  | "weak key"
  | "signature"
  | "revoked"
  | "revocation unknown"
  | "identity";

/** A well-formed certificate that is not believed. */
export class CertificateRefused extends Error {
  override readonly name = "CertificateRefused";
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, sentence: string) {
    super(sentence);
    this.reason = reason;
  }
}
