/** Whether the authority has taken a certificate back: by its revocation lists (RFC 5280 §5), from files, and by OCSP responses. */
import { verifySignature } from "../crypto/signature.ts";
import { equalOctets, toHex } from "../wire/octets.ts";
import { readSigned, type Certificate, type Signed } from "./certificate.ts";
import { parseDer, type DerElement } from "./der.ts";
import { DistinguishedName } from "./distinguished-name.ts";
import { CertificateRefused, MalformedCertificate } from "./errors.ts";
import { readExtensionList } from "./extensions.ts";
import { isInForce, type OcspResponse } from "./ocsp-response.ts";
import { whyNoList, whyNoResponse } from "./revocation-unknown.ts";
import { dateText } from "./validity.ts";

/**
 * As in swanctl.conf. strict: a certificate is refused unless there is a list of its issuer in force without it, or an OCSP response in force that
 * says that it is good; relaxed: only one that a list or a response says is revoked. What is past its time still says that, so that a revoked
 * certificate does not come back to life with it.
 */
export type RevocationPolicy = "strict" | "relaxed";

/** Octets. */
const MAX_SIZE = 16 * 1024 * 1024;

/** Extensions of a list that change nothing about which certificates it is for: authorityKeyIdentifier and cRLNumber. */
const HARMLESS: ReadonlySet<string> = new Set(["2.5.29.35", "2.5.29.20"]);

export class RevocationList {
  readonly issuer: DistinguishedName;
  readonly thisUpdate: number;
  /** Undefined: the authority does not say when the next one comes. */
  readonly nextUpdate: number | undefined;
  readonly #signed: Signed;
  /** Time of revocation by serial number in hexadecimal digits. */
  readonly #revoked: ReadonlyMap<string, number>;
  /** Lists may be long, and those who are asked about them many: a signature is checked once for each authority. */
  readonly #isSignedBy = new WeakMap<Certificate, boolean>();

  private constructor(whole: DerElement) {
    const { tbs, signed } = readSigned(whole);
    const [algorithm, issuer, thisUpdate, ...rest] = tbs[0]?.universal === 2 ? tbs.slice(1) : tbs;
    if (algorithm === undefined || issuer === undefined || thisUpdate === undefined) throw new MalformedCertificate("It is cut short.");
    if (!equalOctets(algorithm.raw, signed.algorithm)) throw new MalformedCertificate("It names two algorithms for its signature.");
    this.#signed = signed;
    this.issuer = new DistinguishedName(issuer);
    this.thisUpdate = thisUpdate.time("time of issue");
    const hasNext = rest[0]?.universal === 23 || rest[0]?.universal === 24;
    this.nextUpdate = hasNext ? rest[0]?.time("time of the next issue") : undefined;
    const [entries, extensions] = rest
      .slice(hasNext ? 1 : 0)
      .reduce<[DerElement[], DerElement[]]>(
        (found, element) => (element.context === 0 ? [found[0], element.children("extensions")] : [element.sequence("entries"), found[1]]),
        [[], []],
      );
    this.#revoked = new Map(entries.map(readEntry));
    refuseSpecialLists(extensions);
  }

  /** One list in DER. @throws MalformedCertificate, also for lists of a kind that is not understood: indirect ones, deltas, parts */
  static parse(der: Uint8Array): RevocationList {
    if (der.length > MAX_SIZE) throw new MalformedCertificate(`It has ${der.length} octets; more than ${MAX_SIZE} are not read.`);
    return new RevocationList(parseDer(der));
  }

  /** When it took this certificate back; undefined when it did not. Milliseconds since 1970. */
  revokedAt(certificate: Certificate): number | undefined {
    return this.#revoked.get(certificate.serial);
  }

  isInForce(date: number): boolean {
    return date >= this.thisUpdate && (this.nextUpdate === undefined || date <= this.nextUpdate);
  }

  /** Whether `authority` has issued and signed it. */
  isBy(authority: Certificate): boolean {
    const { keyUsage } = authority.extensions;
    if (!this.issuer.equals(authority.subject) || (keyUsage !== undefined && !keyUsage.has("cRLSign"))) return false;
    const known = this.#isSignedBy.get(authority);
    if (known !== undefined) return known;
    const { algorithm, octets, signature } = this.#signed;
    const { valid } = verifySignature(authority.key, algorithm, octets, signature);
    this.#isSignedBy.set(authority, valid);
    return valid;
  }
}

/**
 * @param responses OCSP responses; what they say counts as much as a list
 * @throws CertificateRefused when `issuer` has taken `certificate` back, or nobody knows and the policy is strict
 */
export function requireNotRevoked(
  certificate: Certificate,
  issuer: Certificate,
  lists: readonly RevocationList[],
  policy: RevocationPolicy,
  date: number,
  responses: readonly OcspResponse[] = [],
): void {
  const applicable = lists.filter((list) => list.isBy(issuer));
  const answers = responses.flatMap((response) => response.statusOf(certificate, issuer, date) ?? []);
  const times = answers.map(({ status }) => (typeof status === "object" ? status.revokedAt : undefined));
  for (const revokedAt of [...applicable.map((list) => list.revokedAt(certificate)), ...times]) {
    if (revokedAt !== undefined) {
      throw new CertificateRefused("revoked", `${certificate.title} was revoked on ${dateText(revokedAt)}.`);
    }
  }
  const isKnownGood = answers.some((answer) => answer.status === "good" && isInForce(answer, date));
  if (policy === "strict" && !isKnownGood && !applicable.some((list) => list.isInForce(date))) {
    const isAnyAbout = responses.some((response) => response.isAbout(certificate, issuer));
    const why = `${whyNoList(applicable, date)}, and ${whyNoResponse(responses.length > 0, isAnyAbout, answers, date)}`;
    throw new CertificateRefused("revocation unknown", `Whether ${certificate.name} is revoked is not known: ${why}.`);
  }
}

function readEntry(element: DerElement): [serial: string, revokedAt: number] {
  const [serial, revokedAt, extensions] = element.sequence("entry");
  if (serial === undefined || revokedAt === undefined) throw new MalformedCertificate("It has an entry without a serial number or a time.");
  const critical =
    extensions === undefined ? [] : readExtensionList(extensions.sequence("extensions of an entry")).filter((one) => one.critical);
  // A critical one names another issuer for the entry (§5.3.3): an indirect list.
  if (critical.length > 0)
    throw new MalformedCertificate(`It has an entry with the critical extension ${critical[0]?.oid ?? ""}, which is not understood.`);
  return [toHex(serial.integer("serial number")), revokedAt.time("time of revocation")];
}

/** §5.2: a list that holds but some of the authority's certificates, or changes of another list, proves nothing about the rest. */
function refuseSpecialLists([list]: readonly DerElement[]): void {
  const critical =
    list === undefined
      ? undefined
      : readExtensionList(list.sequence("extensions")).find(({ critical, oid }) => critical && !HARMLESS.has(oid));
  if (critical !== undefined) throw new MalformedCertificate(`It has the critical extension ${critical.oid}, which is not understood.`);
}
