/** Times in certificates: checking them, and telling them to an operator. */
import type { Certificate } from "./certificate.ts";
import { CertificateRefused } from "./errors.ts";

/** `date`: milliseconds since 1970. @throws CertificateRefused */
export function requireValid(certificate: Certificate, date: number): void {
  const { title, notBefore, notAfter } = certificate;
  const sentence = (when: string, limit: number): string => `${title} ${when} ${dateText(limit)}; here it is ${dateText(date)}.`;
  if (date < notBefore) throw new CertificateRefused("not yet valid", sentence("is not valid before", notBefore));
  if (date > notAfter) throw new CertificateRefused("expired", sentence("expired on", notAfter));
}

/** When the first of the certificates of a path expires. Milliseconds since 1970; Infinity: of none. */
export function validUntil(path: readonly Certificate[]): number {
  return Math.min(...path.map(({ notAfter }) => notAfter));
}

/** "2026-11-24 13:52:12 UTC" */
export function dateText(date: number): string {
  return `${new Date(date).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
