/**
 * From the certificate of an end entity over the certificates of authorities to one that is trusted (RFC 5280 §6).
 *
 * Who sends certificates chooses their names, keys and number. So paths are found by names alone, their length and number are bounded, and
 * signatures are checked from the trusted end down: no key counts before it is vouched for.
 */
import { verifySignature } from "../crypto/signature.ts";
import { equalOctets } from "../wire/octets.ts";
import type { Certificate } from "./certificate.ts";
import { CertificateRefused } from "./errors.ts";
import type { OcspResponse } from "./ocsp-response.ts";
import { requirePermittedNames } from "./permitted-names.ts";
import { requireNotRevoked, type RevocationList, type RevocationPolicy } from "./revocation.ts";
import { requireValid } from "./validity.ts";

/** Whom to believe, and what is known about revocation. */
export interface Trust {
  readonly anchors: readonly Certificate[];
  /** Authorities that are not trusted by themselves; those that a peer sends are used as well. */
  readonly intermediates: readonly Certificate[];
  readonly revocationLists: readonly RevocationList[];
  readonly revocation: RevocationPolicy;
}

/** Certificates from end entity to anchor, both included. */
const MAX_PATH_LENGTH = 8;
/** Ways up that are tried before giving up. */
const MAX_STEPS = 64;

/** Purposes (extended key usage) of which IKE takes one: any, serverAuth, clientAuth, ipsecIKE (RFC 4945 §5.1.3.12), iKEIntermediate. */
const IKE_PURPOSES: ReadonlySet<string> = new Set([
  "2.5.29.37.0",
  "1.3.6.1.5.5.7.3.1",
  "1.3.6.1.5.5.7.3.2",
  "1.3.6.1.5.5.7.3.17",
  "1.3.6.1.5.5.8.2.2",
]);

/**
 * The path from `endEntity` to an anchor, both included, every one of its certificates believed.
 *
 * @param sent intermediates in any order, as the peer sent them
 * @param date milliseconds since 1970
 * @param responses OCSP responses, as the peer sent them
 * @throws CertificateRefused for the path that came nearest to being believed
 */
export function buildPath(
  endEntity: Certificate,
  sent: readonly Certificate[],
  trust: Trust,
  date: number,
  responses: readonly OcspResponse[] = [],
): Certificate[] {
  requireEndEntity(endEntity, date);
  return new PathSearch(trust, [...trust.intermediates, ...sent], date, responses).from(endEntity);
}

/** What an end entity needs whoever vouches for it. @throws CertificateRefused */
export function requireEndEntity(certificate: Certificate, date: number): void {
  requireValid(certificate, date);
  requireUnderstood(certificate);
  const { keyUsage, extendedKeyUsage } = certificate.extensions;
  // RFC 4945 §5.1.3.2: either bit.
  if (keyUsage !== undefined && !keyUsage.has("digitalSignature") && !keyUsage.has("nonRepudiation")) {
    throw new CertificateRefused("key usage", `${certificate.title} is for ${[...keyUsage].join(" and ")}, not for digital signatures.`);
  }
  if (extendedKeyUsage !== undefined && !extendedKeyUsage.some((purpose) => IKE_PURPOSES.has(purpose))) {
    throw new CertificateRefused("key usage", `${certificate.title} is for other purposes than IKE (${extendedKeyUsage.join(", ")}).`);
  }
}

class PathSearch {
  readonly #trust: Trust;
  readonly #intermediates: readonly Certificate[];
  readonly #date: number;
  readonly #responses: readonly OcspResponse[];
  #steps = 0;
  /** Of the path that came furthest. */
  #nearest: { readonly weight: number; readonly refusal: CertificateRefused } | undefined;

  constructor(trust: Trust, intermediates: readonly Certificate[], date: number, responses: readonly OcspResponse[]) {
    this.#trust = trust;
    this.#intermediates = intermediates;
    this.#date = date;
    this.#responses = responses;
  }

  from(endEntity: Certificate): Certificate[] {
    const path = this.#extend([endEntity]);
    if (path !== undefined) return path;
    throw this.#nearest?.refusal ?? untrusted(endEntity);
  }

  /** `path`: from the end entity up, not trusted yet. */
  #extend(path: readonly Certificate[]): Certificate[] | undefined {
    const last = path.at(-1);
    if (last === undefined || path.length >= MAX_PATH_LENGTH) return undefined;
    for (const [candidates, areTrusted] of [
      [this.#trust.anchors, true],
      [this.#intermediates, false],
    ] as const) {
      for (const issuer of candidates) {
        if (!mayHaveIssued(issuer, last) || path.some((earlier) => earlier.equals(issuer)) || ++this.#steps > MAX_STEPS) continue;
        const longer = [...path, issuer];
        const found = this.#attempt(longer, () => {
          requireAuthority(issuer, path.slice(1), this.#date);
          return areTrusted ? this.#believe(longer) : this.#extend(longer);
        });
        if (found !== undefined) return found;
      }
    }
    this.#remember(path.length, untrusted(last));
    return undefined;
  }

  /** Signatures, names and revocation, from the anchor down. @throws CertificateRefused */
  #believe(path: readonly Certificate[]): Certificate[] {
    const { revocationLists, revocation } = this.#trust;
    for (let index = path.length - 1; index > 0; index--) {
      const [subject, issuer] = [path[index - 1], path[index]];
      if (subject === undefined || issuer === undefined) continue;
      requireSignature(subject, issuer);
      // §6.1.3 (b, c): an authority's change of key keeps its name.
      if (index === 1 || !subject.isSelfIssued) for (const authority of path.slice(index)) requirePermittedNames(subject, authority);
      requireNotRevoked(subject, issuer, revocationLists, revocation, this.#date, this.#responses);
    }
    return [...path];
  }

  #attempt(path: readonly Certificate[], action: () => Certificate[] | undefined): Certificate[] | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof CertificateRefused)) throw error;
      this.#remember(path.length, error);
      return undefined;
    }
  }

  /** An issuer that is refused says more than one that is not there at all. */
  #remember(length: number, refusal: CertificateRefused): void {
    const weight = 2 * length + (refusal.reason === "untrusted issuer" ? 0 : 1);
    if (weight > (this.#nearest?.weight ?? 0)) this.#nearest = { weight, refusal };
  }
}

/** By names, and by key identifiers where both have one: several authorities may have the same name, or one several keys. */
function mayHaveIssued(issuer: Certificate, subject: Certificate): boolean {
  const { authorityKeyId } = subject.extensions;
  const { subjectKeyId } = issuer.extensions;
  return (
    issuer.subject.equals(subject.issuer) &&
    (authorityKeyId === undefined || subjectKeyId === undefined || equalOctets(authorityKeyId, subjectKeyId))
  );
}

/** `below`: the authorities between it and the end entity. @throws CertificateRefused */
function requireAuthority(issuer: Certificate, below: readonly Certificate[], date: number): void {
  const { isAuthority, keyUsage, pathLength } = issuer.extensions;
  if (!isAuthority)
    throw new CertificateRefused("not an authority", `${issuer.title} is not that of an authority, but has issued another one.`);
  if (keyUsage !== undefined && !keyUsage.has("keyCertSign")) {
    throw new CertificateRefused("key usage", `${issuer.title} may not sign certificates, but has issued another one.`);
  }
  const count = below.filter(({ isSelfIssued }) => !isSelfIssued).length;
  if (pathLength !== undefined && count > pathLength) {
    throw new CertificateRefused("path too long", `${issuer.title} allows ${pathLength} authorities below it, and there are ${count}.`);
  }
  requireUnderstood(issuer);
  requireValid(issuer, date);
}

function requireUnderstood({ title, extensions }: Certificate): void {
  const [oid] = extensions.unknownCritical;
  if (oid !== undefined) {
    throw new CertificateRefused("critical extension", `${title} has the critical extension ${oid}, which is not understood here.`);
  }
}

function requireSignature({ title, signed }: Certificate, issuer: Certificate): void {
  const verdict = verifySignature(issuer.key, signed.algorithm, signed.octets, signed.signature);
  if (!verdict.valid) {
    throw new CertificateRefused("signature", `${title} is not signed by ${issuer.name}: ${verdict.reason}.`);
  }
}

function untrusted({ title, issuer }: Certificate): CertificateRefused {
  return new CertificateRefused("untrusted issuer", `${title} was issued by "${issuer.toString()}", which is not trusted here.`);
}
