/** Whether a certificate is one of an identity (RFC 7296 §3.5, RFC 4945 §3.1): what IDi or IDr says has to stand in the certificate. */
import { addressFromOctets, formatAddress } from "../wire/address.ts";
import { IdentificationType } from "../wire/iana/index.ts";
import { equalOctets } from "../wire/octets.ts";
import type { IdPayload } from "../wire/payload.ts";
import type { Certificate } from "./certificate.ts";
import { DistinguishedName } from "./distinguished-name.ts";
import { MalformedCertificate } from "./errors.ts";
import { sameEmail } from "./general-name.ts";
import { latin1 } from "./latin1.ts";

/** `idType` in iana IdentificationType; `data` the Identification Data octets. */
export type CertifiedIdentity = Pick<IdPayload, "idType" | "data">;

/**
 * A distinguished name must be the subject; host names, e-mail addresses and addresses must be alternative names, never a common name; a
 * KEY_ID must be the subject key identifier. Host names are compared without regard to case, and "*" in a certificate stands for itself.
 */
export function certifies({ subject, extensions }: Certificate, { idType, data }: CertifiedIdentity): boolean {
  const { dnsNames, emails, addresses } = extensions.alternativeNames;
  switch (idType) {
    case IdentificationType.ID_DER_ASN1_DN: {
      const name = parseName(data);
      return name !== undefined && !name.isEmpty && subject.matches(name);
    }
    case IdentificationType.ID_FQDN:
      return dnsNames.some((name) => name.toLowerCase() === latin1(data).toLowerCase());
    case IdentificationType.ID_RFC822_ADDR:
      return emails.some((email) => sameEmail(email, latin1(data)));
    case IdentificationType.ID_IPV4_ADDR:
    case IdentificationType.ID_IPV6_ADDR:
      return addresses.some((address) => equalOctets(address, data));
    case IdentificationType.ID_KEY_ID:
      return extensions.subjectKeyId !== undefined && equalOctets(extensions.subjectKeyId, data);
    default:
      return false;
  }
}

/** Characters of a list of identities that are shown. */
const MAX_SHOWN = 600;

/** All identities that a certificate is good for, in words: for the operator who has configured another one. */
export function identitiesIn({ subject, extensions }: Certificate): string {
  const { dnsNames, emails, addresses } = extensions.alternativeNames;
  const names = [...dnsNames, ...emails].map((name) => name.replaceAll(/[^\x21-\x7e]/g, "?"));
  const all = [...(subject.isEmpty ? [] : [`"${subject.toString()}"`]), ...names, ...addresses.map(addressText)];
  const text = all.length === 0 ? "nobody" : all.join(", ");
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function addressText(octets: Uint8Array): string {
  const address = addressFromOctets(octets);
  return address === undefined ? "" : formatAddress(address.family, address.value);
}

/** The name of an ID_DER_ASN1_DN; undefined for octets that are none. */
export function parseName(der: Uint8Array): DistinguishedName | undefined {
  try {
    return DistinguishedName.parse(der);
  } catch (error) {
    if (!(error instanceof MalformedCertificate)) throw error;
    return undefined;
  }
}
