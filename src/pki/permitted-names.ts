/** Whether an authority, by its name constraints (RFC 5280 §4.2.1.10), lets those below it vouch for the names of a certificate. */
import { addressFromOctets, formatAddress } from "../wire/address.ts";
import type { Certificate } from "./certificate.ts";
import { shown } from "./distinguished-name.ts";
import { CertificateRefused } from "./errors.ts";
import { sameEmail, splitEmail, type GeneralName } from "./general-name.ts";

/** Comparisons of one certificate with one authority: both lists are as long as their authors like. */
const MAX_COMPARISONS = 65_536;

/**
 * Checks all names of `certificate` against what `authority`, somewhere above it, sets. A form of names that nothing here compares may not
 * occur where it is limited.
 *
 * @throws CertificateRefused
 */
export function requirePermittedNames(certificate: Certificate, authority: Certificate): void {
  const { nameConstraints } = authority.extensions;
  if (nameConstraints === undefined) return;
  const { permitted, excluded } = nameConstraints;
  const names = namesOf(certificate);
  if (names.length * (permitted.length + excluded.length) > MAX_COMPARISONS) {
    throw new CertificateRefused("name constraints", `${certificate.title} has too many names to compare with those of ${authority.name}.`);
  }
  for (const name of names) {
    const ofItsForm = permitted.filter((base) => sameForm(base, name));
    const isPermitted = ofItsForm.length === 0 || ofItsForm.some((base) => isWithin(name, base));
    const isExcluded = excluded.some((base) => sameForm(base, name) && (name.form === "other" || isWithin(name, base)));
    if (isPermitted && !isExcluded) continue;
    const text = `${certificate.title} has the name ${textOf(name)}, for which ${authority.name} and those below it may not vouch.`;
    throw new CertificateRefused("name constraints", text);
  }
}

/** What is limited: alternative names, the subject, and an e-mail address in the subject when there are no alternative names. */
function namesOf({ subject, extensions: { alternativeNames } }: Certificate): GeneralName[] {
  const names: GeneralName[] = [...alternativeNames.all];
  if (!subject.isEmpty) names.push({ form: "directory", name: subject });
  if (alternativeNames.all.length === 0) names.push(...subject.emails.map((text) => ({ form: "email", text }) as const));
  return names;
}

const sameForm = (a: GeneralName, b: GeneralName): boolean =>
  a.form === b.form && (a.form !== "other" || b.form !== "other" || a.tag === b.tag);

function isWithin(name: GeneralName, base: GeneralName): boolean {
  if (name.form === "dns" && base.form === "dns") return isWithinDomain(name.text.toLowerCase(), base.text.toLowerCase());
  if (name.form === "email" && base.form === "email") return isWithinMail(name.text, base.text);
  if (name.form === "directory" && base.form === "directory") return name.name.isBelow(base.name);
  if (name.form === "address" && base.form === "address") return isWithinPrefix(name.octets, base.octets);
  return false;
}

/** Labels may be added on the left; none need be, unless `base` begins with a dot, as some authorities write it. */
function isWithinDomain(name: string, base: string): boolean {
  return base === "" || name === base || name.endsWith(base.startsWith(".") ? base : `.${base}`);
}

/** `base`: one mailbox, all of one host, or with a dot in front all of all hosts in a domain. */
function isWithinMail(name: string, base: string): boolean {
  const { local, domain } = splitEmail(base);
  if (local !== undefined) return sameEmail(name, base);
  const host = splitEmail(name).domain;
  return domain === "" || (domain.startsWith(".") ? host.endsWith(domain) : host === domain);
}

function isWithinPrefix(address: Uint8Array, prefix: Uint8Array): boolean {
  const length = prefix.length / 2;
  return (
    address.length === length && address.every((octet, index) => ((octet ^ (prefix[index] ?? 0)) & (prefix[length + index] ?? 0)) === 0)
  );
}

/** Safe for a terminal. */
function textOf(name: GeneralName): string {
  switch (name.form) {
    case "dns":
    case "email":
      return shown(name.text);
    case "directory":
      return `"${name.name.toString()}"`;
    case "address": {
      const address = addressFromOctets(name.octets);
      return address === undefined ? "of an address" : formatAddress(address.family, address.value);
    }
    case "other":
      return `of form [${name.tag}]`;
  }
}
