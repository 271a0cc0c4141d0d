/** X.509 certificates (RFC 5280 §4.1): what stands in one. Whether it is believed is the question of path.ts. */
import { InvalidKey, VerificationKey } from "../crypto/signature.ts";
import { equalOctets, toHex } from "../wire/octets.ts";
import { parseDer, type DerElement } from "./der.ts";
import { DistinguishedName } from "./distinguished-name.ts";
import { CertificateRefused, MalformedCertificate } from "./errors.ts";
import { readExtensions, type Extensions } from "./extensions.ts";

/** What a signature is over and what it is: the same shape in certificates and in revocation lists. */
export interface Signed {
  /** The octets that are signed. */
  readonly octets: Uint8Array;
  /** DER of an AlgorithmIdentifier. */
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/** Octets; a larger certificate is refused unread. */
const MAX_SIZE = 65_536;

export class Certificate {
  /** The whole certificate, as it came. */
  readonly der: Uint8Array;
  readonly signed: Signed;
  /** Hexadecimal digits. */
  readonly serial: string;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  /** Milliseconds since 1970, both included. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly extensions: Extensions;
  #key: VerificationKey | undefined;

  private constructor(whole: DerElement) {
    const { tbs, signed } = readSigned(whole);
    const version = tbs[0]?.context === 0 ? tbs[0] : undefined;
    const fields = version === undefined ? tbs : tbs.slice(1);
    const [serial, algorithm, issuer, validity, subject, spki, ...rest] = fields;
    if (serial === undefined || algorithm === undefined || spki === undefined) throw new MalformedCertificate("It is cut short.");
    if (issuer === undefined || validity === undefined || subject === undefined) throw new MalformedCertificate("It is cut short.");
    if (!equalOctets(algorithm.raw, signed.algorithm)) throw new MalformedCertificate("It names two algorithms for its signature.");
    const [notBefore, notAfter] = validity.sequence("validity");
    if (notBefore === undefined || notAfter === undefined) throw new MalformedCertificate("It does not say how long it is valid.");
    this.der = whole.raw;
    this.signed = signed;
    this.serial = toHex(serial.integer("serial number"));
    this.issuer = new DistinguishedName(issuer);
    this.subject = new DistinguishedName(subject);
    this.notBefore = notBefore.time("beginning of validity");
    this.notAfter = notAfter.time("end of validity");
    this.spki = spki.raw;
    this.extensions = readExtensions(extensionsOf(version, rest));
  }

  /** One certificate in DER, with nothing after it. @throws MalformedCertificate, whatever `der` is */
  static parse(der: Uint8Array): Certificate {
    if (der.length > MAX_SIZE) throw new MalformedCertificate(`It has ${der.length} octets; more than ${MAX_SIZE} are not read.`);
    return new Certificate(parseDer(der));
  }

  /** @throws CertificateRefused for a key that is too weak, or of a kind that does not sign */
  get key(): VerificationKey {
    try {
      return (this.#key ??= VerificationKey.fromSpki(this.spki));
    } catch (error) {
      if (!(error instanceof InvalidKey)) throw error;
      throw new CertificateRefused("weak key", `The key of ${this.name} is of no use. ${error.message}`);
    }
  }

  /** For sentences: `the certificate "CN=west"`. */
  get name(): string {
    return `the certificate "${this.subject.isEmpty ? `with serial number ${this.serial}` : this.subject.toString()}"`;
  }

  /** {@link name} where a sentence begins with it. */
  get title(): string {
    return `T${this.name.slice(1)}`;
  }

  /** Issuer and subject are one: a root, or an authority's change of key. */
  get isSelfIssued(): boolean {
    return this.issuer.equals(this.subject);
  }

  equals(other: Certificate): boolean {
    return equalOctets(this.der, other.der);
  }
}

/** SEQUENCE { what is signed, AlgorithmIdentifier, BIT STRING }. @throws MalformedCertificate */
export function readSigned(whole: DerElement): { readonly tbs: readonly DerElement[]; readonly signed: Signed } {
  const [tbs, algorithm, signature, ...rest] = whole.sequence("outermost element");
  if (tbs === undefined || algorithm === undefined || signature === undefined || rest.length > 0) {
    throw new MalformedCertificate("It is not made of something signed, an algorithm and a signature.");
  }
  const { octets, unusedBits } = signature.bitString("signature");
  if (unusedBits > 0) throw new MalformedCertificate("Its signature is not made of whole octets.");
  const signed = { octets: tbs.raw, algorithm: algorithm.raw, signature: octets };
  return { tbs: tbs.sequence("signed part"), signed };
}

/** [1] and [2] are unique identifiers that nobody uses, [3] the extensions, which version 3 alone has. */
function extensionsOf(version: DerElement | undefined, rest: readonly DerElement[]): DerElement[] {
  if (rest.some(({ context }) => context === undefined || context < 1 || context > 3)) {
    throw new MalformedCertificate("It has fields that no certificate has.");
  }
  const [list] = rest.find(({ context }) => context === 3)?.children("extensions") ?? [];
  if (list === undefined) return [];
  const number = version?.children("version")[0]?.count("version");
  if (number !== 2) throw new MalformedCertificate("It has extensions, but is not of version 3.");
  return list.sequence("list of extensions");
}
