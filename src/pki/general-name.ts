/** GeneralName (RFC 5280 §4.2.1.6): the forms of names that IKE has identities for. The others are known by their number alone. */
import type { DerElement } from "./der.ts";
import { DistinguishedName } from "./distinguished-name.ts";
import { MalformedCertificate } from "./errors.ts";
import { latin1 } from "./latin1.ts";

export type GeneralName =
  | { readonly form: "email" | "dns"; readonly text: string }
  | { readonly form: "directory"; readonly name: DistinguishedName }
  /** In a name 4 or 16 octets; where names are limited, a mask of the same length follows. */
  | { readonly form: "address"; readonly octets: Uint8Array }
  | { readonly form: "other"; readonly tag: number };

/** Numbers of the context-specific tags. */
const Tag = { rfc822Name: 1, dNSName: 2, directoryName: 4, iPAddress: 7 } as const;

/** @throws MalformedCertificate */
export function readGeneralName(element: DerElement): GeneralName {
  const { context, content } = element;
  switch (context) {
    case Tag.rfc822Name:
      return { form: "email", text: latin1(content) };
    case Tag.dNSName:
      return { form: "dns", text: latin1(content) };
    case Tag.directoryName: {
      // The tag is explicit, since Name is a CHOICE.
      const [name] = element.children("directory name");
      if (name === undefined) throw new MalformedCertificate("It has a directory name without a name.");
      return { form: "directory", name: new DistinguishedName(name) };
    }
    case Tag.iPAddress:
      return { form: "address", octets: content };
    case undefined:
      throw new MalformedCertificate("It has a name of no known form.");
    default:
      return { form: "other", tag: context };
  }
}

/** The local part has case, the domain has none (RFC 5280 §7.5). */
export function sameEmail(a: string, b: string): boolean {
  const [one, other] = [splitEmail(a), splitEmail(b)];
  return one.local === other.local && one.domain === other.domain;
}

/** `domain` in lower case; the whole text is one when there is no "@". */
export function splitEmail(email: string): { readonly local: string | undefined; readonly domain: string } {
  const at = email.lastIndexOf("@");
  return { local: at < 0 ? undefined : email.slice(0, at), domain: email.slice(at + 1).toLowerCase() };
}
