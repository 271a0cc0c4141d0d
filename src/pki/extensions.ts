/** Extensions of certificates (RFC 5280 §4.2): those that decide whether a certificate is believed, and for whom. */
import { parseDer, type DerElement } from "./der.ts";
import { MalformedCertificate } from "./errors.ts";
import { readGeneralName, type GeneralName } from "./general-name.ts";
import { readNameConstraints, type NameConstraints } from "./name-constraints.ts";

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

/** GeneralNames of subjectAltName (§4.2.1.6): all of them, and those that IKE knows an identity for. */
export interface AlternativeNames {
  readonly all: readonly GeneralName[];
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
  readonly nameConstraints: NameConstraints | undefined;
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
  nameConstraints: "2.5.29.30",
  certificatePolicies: "2.5.29.32",
  authorityKeyIdentifier: "2.5.29.35",
  extKeyUsage: "2.5.29.37",
} as const;

/**
 * certificatePolicies is understood in that every policy is accepted. Demands for a policy (policyConstraints, inhibitAnyPolicy) and mappings
 * of policies are not, and they are critical.
 */
const UNDERSTOOD: ReadonlySet<string> = new Set(Object.values(OID));

/** What may qualify a policy (§4.2.1.4): where its text stands, and a notice to show. Both are for people. */
const UNDERSTOOD_QUALIFIERS: ReadonlySet<string> = new Set(["1.3.6.1.5.5.7.2.1", "1.3.6.1.5.5.7.2.2"]);

/** `elements`: of the SEQUENCE of extensions. @throws MalformedCertificate */
export function readExtensions(elements: readonly DerElement[]): Extensions {
  const extensions = readExtensionList(elements);
  const valueOf = (oid: string): DerElement | undefined => {
    const extension = extensions.find((candidate) => candidate.oid === oid);
    return extension === undefined ? undefined : parseDer(extension.value);
  };
  const nameConstraints = valueOf(OID.nameConstraints);
  const [isAuthority, pathLength] = readBasicConstraints(valueOf(OID.basicConstraints));
  return {
    isAuthority,
    pathLength,
    keyUsage: readKeyUsage(valueOf(OID.keyUsage)),
    extendedKeyUsage: valueOf(OID.extKeyUsage)
      ?.sequence("extended key usage")
      .map((purpose) => purpose.oid("extended key usage")),
    alternativeNames: readAlternativeNames(valueOf(OID.subjectAltName)),
    nameConstraints: nameConstraints === undefined ? undefined : readNameConstraints(nameConstraints),
    subjectKeyId: valueOf(OID.subjectKeyIdentifier)?.octetString("subject key identifier"),
    authorityKeyId: valueOf(OID.authorityKeyIdentifier)
      ?.sequence("authority key identifier")
      .find(({ context }) => context === 0)?.content,
    unknownCritical: extensions.filter(({ critical }) => critical).flatMap(unknownIn),
  };
}

/** The extension itself, or what in it is not understood and would have to be. */
function unknownIn({ oid, value }: Extension): string[] {
  if (!UNDERSTOOD.has(oid)) return [oid];
  if (oid !== OID.certificatePolicies) return [];
  return parseDer(value)
    .sequence("policies")
    .flatMap((policy) => policy.sequence("policy")[1]?.sequence("qualifiers of a policy") ?? [])
    .map((qualifier) => qualifier.sequence("qualifier of a policy")[0]?.oid("qualifier of a policy") ?? "")
    .filter((qualifier) => !UNDERSTOOD_QUALIFIERS.has(qualifier));
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
  const all = (element?.sequence("alternative names") ?? []).map(readGeneralName);
  const textsOf = (form: "email" | "dns"): string[] => all.flatMap((name) => (name.form === form ? [name.text] : []));
  const addresses = all.flatMap((name) => (name.form === "address" ? [name.octets] : []));
  if (addresses.some(({ length }) => length !== 4 && length !== 16)) {
    throw new MalformedCertificate("It has an alternative name that is an address of neither IPv4 nor IPv6.");
  }
  return { all, emails: textsOf("email"), dnsNames: textsOf("dns"), addresses };
}
