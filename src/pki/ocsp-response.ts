/**
 * OCSP responses (RFC 6960 §4.2), as peers hand over their own (RFC 4806): what an authority said of a certificate not long ago, signed by the
 * authority or by whom it has made its responder.
 */
import { sha1, sha256 } from "../crypto/hash.ts";
import { verifySignature } from "../crypto/signature.ts";
import { equalOctets, toHex } from "../wire/octets.ts";
import { Certificate, type Signed } from "./certificate.ts";
import { parseDer, type DerElement } from "./der.ts";
import { DistinguishedName } from "./distinguished-name.ts";
import { CertificateRefused, MalformedCertificate } from "./errors.ts";
import { readExtensionList } from "./extensions.ts";

/** Octets; they are well below 10,000 even with a chain in them. */
const MAX_SIZE = 32_768;
/** Certificates that are spoken of, and certificates of responders. */
const MAX_ENTRIES = 64;
const MAX_CERTIFICATES = 4;

/** Milliseconds for which a response is believed that does not say when the next one comes. */
const AGE_WITHOUT_NEXT = 86_400_000;

const BASIC_RESPONSE = "1.3.6.1.5.5.7.48.1.1";
/** Echoes a request, and nobody here has made one. */
const NONCE = "1.3.6.1.5.5.7.48.1.2";
const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";

const HASHES: ReadonlyMap<string, (octets: Uint8Array) => Uint8Array> = new Map([
  ["1.3.14.3.2.26", sha1],
  ["2.16.840.1.101.3.4.2.1", sha256],
]);

/** What a response says of one certificate. Times are milliseconds since 1970. */
export interface CertificateStatus {
  readonly status: "good" | "unknown" | { readonly revokedAt: number };
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
}

interface Entry extends CertificateStatus {
  /** Object identifier. */
  readonly hash: string;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  readonly serial: string;
}

type ResponderId = { readonly name: DistinguishedName } | { readonly keyHash: Uint8Array };

export class OcspResponse {
  /** As it came. */
  readonly der: Uint8Array;
  readonly #signed: Signed;
  readonly #responder: ResponderId;
  readonly #entries: readonly Entry[];
  readonly #certificates: readonly Certificate[];

  private constructor(whole: DerElement) {
    const [data, algorithm, signature, certificates] = basicResponseOf(whole).sequence("basic response");
    if (data === undefined || algorithm === undefined || signature === undefined) throw new MalformedCertificate("It is cut short.");
    const fields = data.sequence("response data");
    const [responder, , responses, extensions] = fields[0]?.context === 0 ? fields.slice(1) : fields;
    if (responder === undefined || responses === undefined) throw new MalformedCertificate("It is cut short.");
    refuseCritical(extensions);
    const entries = responses.sequence("responses");
    const [list] = certificates?.children("certificates") ?? [];
    const attached = list?.sequence("certificates") ?? [];
    if (entries.length > MAX_ENTRIES || attached.length > MAX_CERTIFICATES) throw new MalformedCertificate("It speaks of too many.");
    this.der = whole.raw;
    this.#signed = { octets: data.raw, algorithm: algorithm.raw, signature: signature.bitString("signature").octets };
    this.#responder = readResponder(responder);
    this.#entries = entries.map(readEntry);
    this.#certificates = attached.map(({ raw }) => Certificate.parse(raw));
  }

  /** @throws MalformedCertificate, also for a response that says no more than that there is none */
  static parse(der: Uint8Array): OcspResponse {
    if (der.length > MAX_SIZE) throw new MalformedCertificate(`It has ${der.length} octets; more than ${MAX_SIZE} are not read.`);
    return new OcspResponse(parseDer(der));
  }

  /** Whether it may speak of `certificate`, whose issuer is not at hand. */
  mayConcern({ serial }: Certificate): boolean {
    return this.#entries.some((entry) => entry.serial === serial);
  }

  /** What is said of a certificate that `issuer` has issued; undefined: nothing, or nothing that is signed by whom it should be. */
  statusOf(certificate: Certificate, issuer: Certificate, date: number): CertificateStatus | undefined {
    const entry = this.#entryOf(certificate, issuer);
    return entry !== undefined && this.#isVouchedFor(issuer, date) ? entry : undefined;
  }

  /** Whether it speaks of a certificate that `issuer` has issued, whoever has signed it. */
  isAbout(certificate: Certificate, issuer: Certificate): boolean {
    return this.#entryOf(certificate, issuer) !== undefined;
  }

  #entryOf(certificate: Certificate, issuer: Certificate): Entry | undefined {
    return this.#entries.find((candidate) => concerns(candidate, certificate, issuer));
  }

  /** RFC 6960 §4.2.2.2: the issuer itself has signed, or one to whom the issuer, and nobody else, has given a certificate for this. */
  #isVouchedFor(issuer: Certificate, date: number): boolean {
    const delegates = this.#certificates.filter((candidate) => isDelegate(candidate, issuer, date));
    return [issuer, ...delegates].some((signer) => isNamed(this.#responder, signer) && this.#isSignedBy(signer));
  }

  #isSignedBy(signer: Certificate): boolean {
    const { octets, algorithm, signature } = this.#signed;
    try {
      return verifySignature(signer.key, algorithm, octets, signature).valid;
    } catch (error) {
      // Its key is too weak, or of a kind that does not sign.
      if (!(error instanceof CertificateRefused)) throw error;
      return false;
    }
  }
}

/** Whether what it says holds on `date`. */
export function isInForce({ thisUpdate, nextUpdate }: CertificateStatus, date: number): boolean {
  return date >= thisUpdate && date <= (nextUpdate ?? thisUpdate + AGE_WITHOUT_NEXT);
}

/** OCSPResponse ::= SEQUENCE { responseStatus, responseBytes [0] OPTIONAL }, where 0 means success. */
function basicResponseOf(whole: DerElement): DerElement {
  const [status, bytes] = whole.sequence("response");
  const number = status?.count("status") ?? -1;
  const [type, content] = bytes?.children("response")[0]?.sequence("response") ?? [];
  if (number !== 0 || type === undefined || content === undefined) {
    throw new MalformedCertificate(`It says that the responder gave no answer (status ${number}).`);
  }
  if (type.oid("type of the response") !== BASIC_RESPONSE) throw new MalformedCertificate("It is no basic OCSP response.");
  return parseDer(content.octetString("response"));
}

function readResponder(element: DerElement): ResponderId {
  const [content] = element.children("responder");
  if (content === undefined || (element.context !== 1 && element.context !== 2)) throw new MalformedCertificate("It has no responder.");
  return element.context === 1 ? { name: new DistinguishedName(content) } : { keyHash: content.octetString("responder") };
}

/** SingleResponse ::= SEQUENCE { certID, certStatus, thisUpdate, nextUpdate [0] OPTIONAL, singleExtensions [1] OPTIONAL } */
function readEntry(element: DerElement): Entry {
  const [id, status, thisUpdate, ...rest] = element.sequence("single response");
  const [algorithm, nameHash, keyHash, serial] = id?.sequence("name of a certificate") ?? [];
  const hash = algorithm?.sequence("hash algorithm")[0];
  if (status === undefined || thisUpdate === undefined || hash === undefined) throw new MalformedCertificate("It is cut short.");
  if (nameHash === undefined || keyHash === undefined || serial === undefined) throw new MalformedCertificate("It is cut short.");
  refuseCritical(rest.find(({ context }) => context === 1));
  return {
    hash: hash.oid("hash algorithm"),
    issuerNameHash: nameHash.octetString("hash of a name"),
    issuerKeyHash: keyHash.octetString("hash of a key"),
    serial: toHex(serial.integer("serial number")),
    status: readStatus(status),
    thisUpdate: thisUpdate.time("time of issue"),
    nextUpdate: rest
      .find(({ context }) => context === 0)
      ?.children("time of the next issue")[0]
      ?.time("time of the next issue"),
  };
}

/** CertStatus ::= CHOICE { good [0] NULL, revoked [1] RevokedInfo, unknown [2] NULL } */
function readStatus(element: DerElement): Entry["status"] {
  switch (element.context) {
    case 0:
      return "good";
    case 1: {
      const [revokedAt] = element.children("status");
      if (revokedAt === undefined) throw new MalformedCertificate("It does not say when a certificate was revoked.");
      return { revokedAt: revokedAt.time("time of revocation") };
    }
    default:
      return "unknown";
  }
}

/** Extensions within an explicit tag. */
function refuseCritical(tagged: DerElement | undefined): void {
  const [list] = tagged?.children("extensions") ?? [];
  const critical = readExtensionList(list?.sequence("extensions") ?? []).find((one) => one.critical && one.oid !== NONCE);
  if (critical !== undefined) throw new MalformedCertificate(`It has the critical extension ${critical.oid}, which is not understood.`);
}

function concerns({ hash, issuerNameHash, issuerKeyHash, serial }: Entry, certificate: Certificate, issuer: Certificate): boolean {
  const digest = HASHES.get(hash);
  return (
    digest !== undefined &&
    serial === certificate.serial &&
    equalOctets(issuerNameHash, digest(certificate.issuer.der)) &&
    equalOctets(issuerKeyHash, digest(publicKeyBits(issuer)))
  );
}

function isDelegate({ issuer: name, extensions, signed, notBefore, notAfter }: Certificate, issuer: Certificate, date: number): boolean {
  const { extendedKeyUsage, unknownCritical } = extensions;
  return (
    name.equals(issuer.subject) &&
    extendedKeyUsage?.includes(OCSP_SIGNING) === true &&
    unknownCritical.length === 0 &&
    date >= notBefore &&
    date <= notAfter &&
    verifySignature(issuer.key, signed.algorithm, signed.octets, signed.signature).valid
  );
}

function isNamed(responder: ResponderId, signer: Certificate): boolean {
  return "name" in responder ? responder.name.equals(signer.subject) : equalOctets(responder.keyHash, sha1(publicKeyBits(signer)));
}

/** Of the SubjectPublicKeyInfo the key alone. */
function publicKeyBits({ spki }: Certificate): Uint8Array {
  return parseDer(spki).sequence("public key")[1]?.bitString("public key").octets ?? new Uint8Array(0);
}
