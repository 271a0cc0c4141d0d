/**
 * For the operator of `revocation: strict`: why neither of its two sources says that a certificate is not revoked. Parts of a sentence, without a
 * full stop.
 */
import type { CertificateStatus } from "./ocsp-response.ts";

interface Dated {
  readonly thisUpdate: number;
}

/** @param lists those of the issuer; none is in force */
export function whyNoList(lists: readonly Dated[], date: number): string {
  return lists.length === 0
    ? "there is no revocation list of its issuer"
    : `the revocation list of its issuer is ${outOfForce(lists, date)}`;
}

/**
 * Of several responses, what keeps the best of them from counting.
 *
 * @param hasCome there are responses that can be read
 * @param isAnyAbout one of them is about the certificate
 * @param answers what those say that are signed by whom they should be: not revoked, and not good and in force
 */
export function whyNoResponse(hasCome: boolean, isAnyAbout: boolean, answers: readonly CertificateStatus[], date: number): string {
  const good = answers.filter(({ status }) => status === "good");
  if (good.length > 0) return `the OCSP response is ${outOfForce(good, date)}`;
  if (answers.length > 0) return "the OCSP responder does not know it";
  if (isAnyAbout) return "the OCSP response is signed neither by its issuer nor by a responder of its issuer's";
  return hasCome ? "the OCSP response that came is about another certificate" : "no OCSP response has come that can be read";
}

function outOfForce(dated: readonly Dated[], date: number): string {
  return dated.some(({ thisUpdate }) => date >= thisUpdate) ? "past its time" : "not in force yet";
}
