/** Distinguished names (X.501; RFC 5280 §4.1.2.4): the subjects and issuers of certificates, and identities of type ID_DER_ASN1_DN. */
import { equalOctets, toHex } from "../wire/octets.ts";
import { parseDer, Tag, type DerElement } from "./der.ts";
import { latin1 } from "./latin1.ts";
import { attributeName, EMAIL_ADDRESS } from "./name-attributes.ts";

interface NameAttribute {
  readonly type: string;
  /** Undefined for a value that is no text. */
  readonly text: string | undefined;
  readonly raw: Uint8Array;
}

type RelativeName = readonly NameAttribute[];

const decodeUtf8 = (octets: Uint8Array): string => new TextDecoder().decode(octets);

function decodeBmp(octets: Uint8Array): string {
  let text = "";
  for (let index = 0; index + 1 < octets.length; index += 2)
    text += String.fromCharCode(((octets[index] ?? 0) << 8) | (octets[index + 1] ?? 0));
  return text;
}

const TEXT_DECODERS: ReadonlyMap<number | undefined, (octets: Uint8Array) => string> = new Map([
  [Tag.UTF8_STRING, decodeUtf8],
  [Tag.PRINTABLE_STRING, decodeUtf8],
  [Tag.IA5_STRING, latin1],
  // It is used as if it were ISO 8859-1.
  [Tag.TELETEX_STRING, latin1],
  [Tag.BMP_STRING, decodeBmp],
]);

/** Characters of a name that are shown: whoever chose it may have meant to fill a log. */
const MAX_SHOWN = 300;

export class DistinguishedName {
  /** DER of the RDNSequence, as it came. */
  readonly der: Uint8Array;
  readonly #names: readonly RelativeName[];

  /** @throws MalformedCertificate */
  constructor(element: DerElement) {
    this.der = element.raw;
    this.#names = element.sequence("name").map((relative) => relative.set("relative name").map(readAttribute));
  }

  /** @throws MalformedCertificate */
  static parse(der: Uint8Array): DistinguishedName {
    return new DistinguishedName(parseDer(der));
  }

  get isEmpty(): boolean {
    return this.#names.length === 0;
  }

  /** The same octets: how issuers are looked up. */
  equals(other: DistinguishedName): boolean {
    return equalOctets(this.der, other.der);
  }

  /**
   * The same relative names in the same order, each with the same attributes. The type of string (PrintableString, UTF8String …) does not
   * count, since nobody who writes a name in a configuration knows which one an authority has chosen; everything else does, letter by letter.
   */
  matches(other: DistinguishedName): boolean {
    const others = other.#names;
    return this.#names.length === others.length && this.#names.every((name, index) => sameRelativeName(name, others[index] ?? []));
  }

  /**
   * The relative names of `base` come first in this one (RFC 5280 §4.2.1.10). Case and spaces do not count here (§7.1): what an authority
   * excludes must not pass in other letters.
   */
  isBelow(base: DistinguishedName): boolean {
    return base.#names.every((name, index) => sameRelativeName(name, this.#names[index] ?? [], folded));
  }

  /** E-mail addresses in the name, where they have no place any more (§4.1.2.6). */
  get emails(): string[] {
    return this.#names.flat().flatMap(({ type, text }) => (type === EMAIL_ADDRESS && text !== undefined ? [text] : []));
  }

  /** "C=CH, O=Example, CN=west": in the order of the DER, as strongSwan and OpenSSL show names. Safe for a terminal, whoever chose the name. */
  toString(): string {
    const text = this.#names
      .map((relative) =>
        relative.map(({ type, text, raw }) => `${attributeName(type)}=${text === undefined ? `#${toHex(raw)}` : printable(text)}`),
      )
      .map((attributes) => attributes.join("+"))
      .join(", ");
    return cut(text);
  }
}

/** Any part of a certificate that should be text, safe for a terminal. */
export const shown = (text: string): string => cut(printable(text));

const cut = (text: string): string => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);

const asWritten = (text: string): string => text;
/** About what LDAP makes of names before it compares them (RFC 4518 §2). */
const folded = (text: string): string => text.normalize("NFKC").toLowerCase().trim().replaceAll(/\s+/g, " ");

function readAttribute(element: DerElement): NameAttribute {
  const [type, value] = element.sequence("attribute of a name");
  const oid = type?.oid("type of an attribute") ?? "";
  const decoder = TEXT_DECODERS.get(value?.universal);
  return { type: oid, text: value === undefined ? undefined : decoder?.(value.content), raw: value?.raw ?? new Uint8Array(0) };
}

/** The attributes of one relative name are a set. `as`: what is compared of a text. */
function sameRelativeName(a: RelativeName, b: RelativeName, as = asWritten): boolean {
  const sameText = (one: string, other: string | undefined): boolean => other !== undefined && as(one) === as(other);
  const isSame = (one: NameAttribute, other: NameAttribute): boolean =>
    one.type === other.type && (one.text === undefined ? equalOctets(one.raw, other.raw) : sameText(one.text, other.text));
  return a.length === b.length && a.every((one) => b.some((other) => isSame(one, other)));
}

/** Control characters, invisible ones and those that have a meaning in a name are escaped (RFC 4514 §2.4). */
function printable(text: string): string {
  return text
    .replaceAll(/[\\,+"<>;]/g, (character) => `\\${character}`)
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
      [...new TextEncoder().encode(character)].map((octet) => `\\${toHex(Uint8Array.of(octet))}`).join(""),
    );
}
