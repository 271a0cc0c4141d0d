/** Extensions of certificates (RFC 5280 §4.2): those that decide whether a certificate is believed, and for whom. */
import { parseDer, type DerElement } from "./der.ts";
import { MalformedCertificate } from "./errors.ts";

/** KeyUsage bits, by their number (§4.2.1.3). */
const KEY_USAGES = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;

export type KeyUsage = (typeof KEY_USAGES)[number];

/** GeneralNames of subjectAltName (§4.2.1.6), as far as IKE knows an identity for them. */
export interface AlternativeNames {
  readonly dnsNames: readonly string[];
  readonly emails: readonly string[];
  /** 4 or 16 octets each. */
  readonly addresses: readonly Uint8Array[];
}

export interface Extensions {
  readonly isAuthority: boolean;
  /** How many further authorities, self-issued ones not counted, may stand between this one and the end entity; undefined: any number. */
  readonly pathLength: number | undefined;
  /** Undefined: not restricted. */
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  /** Object identifiers; undefined: not restricted. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly alternativeNames: AlternativeNames;
  readonly subjectKeyId: Uint8Array | undefined;
  /** The keyIdentifier of the authorityKeyIdentifier. */
  readonly authorityKeyId: Uint8Array | undefined;
  /** Object identifiers of critical extensions that nothing here understands. */
  readonly unknownCritical: readonly string[];
}

interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

const OID = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  certificatePolicies: "2.5.29.32",
  authorityKeyIdentifier: "2.5.29.35",
  extKeyUsage: "2.5.29.37",
} as const;

/** certificatePolicies is understood in that every policy is accepted; name constraints and mappings of policies are not. */
const UNDERSTOOD: ReadonlySet<string> = new Set(Object.values(OID));

/** `elements`: of the SEQUENCE of extensions. @throws MalformedCertificate */
export function readExtensions(elements: readonly DerElement[]): Extensions {
  const extensions = readExtensionList(elements);
  const valueOf = (oid: string): DerElement | undefined => {
    const extension = extensions.find((candidate) => candidate.oid === oid);
    return extension === undefined ? undefined : parseDer(extension.value);
  };
  const [isAuthority, pathLength] = readBasicConstraints(valueOf(OID.basicConstraints));
  return {
    isAuthority,
    pathLength,
    keyUsage: readKeyUsage(valueOf(OID.keyUsage)),
    extendedKeyUsage: valueOf(OID.extKeyUsage)
      ?.sequence("extended key usage")
      .map((purpose) => purpose.oid("extended key usage")),
    alternativeNames: readAlternativeNames(valueOf(OID.subjectAltName)),
    subjectKeyId: valueOf(OID.subjectKeyIdentifier)?.octetString("subject key identifier"),
    authorityKeyId: valueOf(OID.authorityKeyIdentifier)
      ?.sequence("authority key identifier")
      .find(({ context }) => context === 0)?.content,
    unknownCritical: extensions.filter(({ oid, critical }) => critical && !UNDERSTOOD.has(oid)).map(({ oid }) => oid),
  };
}

/** Extension ::= SEQUENCE { extnID, critical DEFAULT FALSE, extnValue }. @throws MalformedCertificate; also for one that is there twice */
export function readExtensionList(elements: readonly DerElement[]): Extension[] {
  const extensions = elements.map((element) => {
    const [id, ...rest] = element.sequence("extension");
    const [critical, value] = rest.length === 2 ? rest : [undefined, rest[0]];
    if (id === undefined || value === undefined || rest.length > 2) throw new MalformedCertificate("It has an extension without a value.");
    return {
      oid: id.oid("extension"),
      critical: critical?.flag("extension's criticality") ?? false,
      value: value.octetString("extension's value"),
    };
  });
  if (new Set(extensions.map(({ oid }) => oid)).size !== extensions.length) {
    throw new MalformedCertificate("It has the same extension twice.");
  }
  return extensions;
}

function readBasicConstraints(element: DerElement | undefined): [isAuthority: boolean, pathLength: number | undefined] {
  const elements = element?.sequence("basic constraints") ?? [];
  const isFlag = elements[0]?.universal === 1;
  const isAuthority = isFlag && elements[0]?.flag("basic constraint") === true;
  return [isAuthority, elements[isFlag ? 1 : 0]?.count("path length")];
}

/** The first bit is the high one of the first octet. */
function readKeyUsage(element: DerElement | undefined): ReadonlySet<KeyUsage> | undefined {
  if (element === undefined) return undefined;
  const { octets } = element.bitString("key usage");
  return new Set(KEY_USAGES.filter((_, bit) => ((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0));
}

function readAlternativeNames(element: DerElement | undefined): AlternativeNames {
  const names = element?.sequence("alternative names") ?? [];
  const contentsOf = (tag: number): Uint8Array[] => names.filter(({ context }) => context === tag).map(({ content }) => content);
  const addresses = contentsOf(7);
  if (addresses.some(({ length }) => length !== 4 && length !== 16)) {
    throw new MalformedCertificate("It has an alternative name that is an address of neither IPv4 nor IPv6.");
  }
  return { emails: contentsOf(1).map(asciiOf), dnsNames: contentsOf(2).map(asciiOf), addresses };
}

const asciiOf = (octets: Uint8Array): string => [...octets].map((octet) => String.fromCharCode(octet)).join("");
