/** Identities (RFC 7296 §3.5): what the IDi and IDr payloads carry, and the text an operator writes for them. */
import { addressFromOctets, addressOctets, formatAddress, parseAddress } from "../wire/address.ts";
import { InvalidText } from "../wire/errors.ts";
import { IdentificationType } from "../wire/iana/index.ts";
import type { DistinguishedName } from "../pki/distinguished-name.ts";
import { parseName } from "../pki/identity.ts";
import { encodeName, looksLikeName } from "../pki/name-text.ts";
import { equalOctets, fromHex, toHex } from "../wire/octets.ts";
import { LocalMisconfiguration } from "./errors.ts";

/** `idType` is an IANA "IKEv2 Identification Payload ID Type"; `data` the Identification Data octets. */
export interface Identity {
  readonly idType: number;
  readonly data: Uint8Array;
}

/** Both ends of an IKE SA, authenticated, and how each has proved itself, in words for the operator. */
export interface AuthenticatedPeers {
  readonly localId: Identity;
  readonly remoteId: Identity;
  readonly localAuth: string;
  readonly remoteAuth: string;
  /** When a certificate that vouches for the peer expires, in milliseconds since 1970; Infinity: none does. */
  readonly remoteValidUntil: number;
}

const PREFIXES: ReadonlyMap<string, (text: string) => Identity> = new Map([
  ["ipv4", parseIp],
  ["ipv6", parseIp],
  ["fqdn", (text: string) => ofText(IdentificationType.ID_FQDN, text)],
  ["dns", (text: string) => ofText(IdentificationType.ID_FQDN, text)],
  ["email", (text: string) => ofText(IdentificationType.ID_RFC822_ADDR, text)],
  ["rfc822", (text: string) => ofText(IdentificationType.ID_RFC822_ADDR, text)],
  [
    "keyid",
    (text: string) => ({ idType: IdentificationType.ID_KEY_ID, data: text.startsWith("0x") ? fromHex(text.slice(2)) : utf8(text) }),
  ],
]);

/**
 * Reads an identity as swanctl.conf writes it: an IPv4 or IPv6 address, `user@host`, a host name (also `@host`), or with the type spelled out
 * `ipv4:`, `ipv6:`, `fqdn:`, `email:`, `keyid:` (text or 0x hex), `@#hex` (KEY_ID). "C=CH, O=Example, CN=west" is a distinguished name.
 *
 * @throws LocalMisconfiguration with a sentence that names the text.
 */
export function parseIdentity(text: string): Identity {
  if (text === "") throw new LocalMisconfiguration("An identity must not be empty.");
  try {
    const separator = text.indexOf(":");
    const typed = PREFIXES.get(text.slice(0, Math.max(separator, 0)).toLowerCase());
    if (typed !== undefined) return typed(text.slice(separator + 1));
    if (looksLikeName(text)) return { idType: IdentificationType.ID_DER_ASN1_DN, data: encodeName(text) };
    if (text.startsWith("@#")) return { idType: IdentificationType.ID_KEY_ID, data: fromHex(text.slice(2)) };
    if (text.startsWith("@@")) return ofText(IdentificationType.ID_RFC822_ADDR, text.slice(2));
    if (text.startsWith("@")) return ofText(IdentificationType.ID_FQDN, text.slice(1));
    if (text.includes("@")) return ofText(IdentificationType.ID_RFC822_ADDR, text);
    if (text.includes(":") || /^[\d.]+$/.test(text)) return parseIp(text);
  } catch (error) {
    if (error instanceof InvalidText) throw new LocalMisconfiguration(`The identity "${text}" cannot be read: ${error.message}`);
    throw error;
  }
  return ofText(IdentificationType.ID_FQDN, text);
}

/** The identity as an operator would write it; octets that are not printable are escaped. */
export function formatIdentity({ idType, data }: Identity): string {
  switch (idType) {
    case IdentificationType.ID_IPV4_ADDR:
    case IdentificationType.ID_IPV6_ADDR: {
      const address = addressFromOctets(data);
      return address === undefined ? `malformed address ${toHex(data)}` : formatAddress(address.family, address.value);
    }
    case IdentificationType.ID_FQDN:
    case IdentificationType.ID_RFC822_ADDR:
      return printable(data);
    case IdentificationType.ID_NULL:
      return "nobody in particular";
    case IdentificationType.ID_KEY_ID:
      return `@#${toHex(data)}`;
    case IdentificationType.ID_DER_ASN1_DN:
      return parseName(data)?.toString() ?? `malformed name ${toHex(data)}`;
    default:
      return `${IdentificationType.nameOf(idType)}:${toHex(data)}`;
  }
}

/**
 * Octet for octet. RFC 7296 §3.5 makes no exception for the case of host names, so "A.example" and "a.example" are two identities. In
 * distinguished names the type of a string does not count: an operator who writes one does not know it.
 */
export function sameIdentity(a: Identity, b: Identity): boolean {
  if (a.idType !== b.idType) return false;
  if (equalOctets(a.data, b.data)) return true;
  if (a.idType !== IdentificationType.ID_DER_ASN1_DN) return false;
  const [nameA, nameB] = [nameIn(a.data), nameIn(b.data)];
  return nameA !== undefined && nameB !== undefined && nameA.matches(nameB);
}

/** A new peer is held against all that there are. */
const parsedNames = new WeakMap<Uint8Array, { readonly name: DistinguishedName | undefined }>();

function nameIn(der: Uint8Array): DistinguishedName | undefined {
  const known = parsedNames.get(der);
  if (known !== undefined) return known.name;
  const name = parseName(der);
  parsedNames.set(der, { name });
  return name;
}

/** Of whoever does not say who it is (RFC 7619 §2.2): it carries nothing, and all who use it look the same. */
export const NO_IDENTITY: Identity = { idType: IdentificationType.ID_NULL, data: new Uint8Array(0) };

/** ID_NULL; what it carries against the rules is ignored (RFC 7619 §2.2). */
export const isAnonymous = ({ idType }: Identity): boolean => idType === IdentificationType.ID_NULL;

/** A key for maps of identities. */
export function identityKey({ idType, data }: Identity): string {
  return `${idType}:${toHex(data)}`;
}

function parseIp(text: string): Identity {
  const address = parseAddress(text);
  const idType = address.family === 4 ? IdentificationType.ID_IPV4_ADDR : IdentificationType.ID_IPV6_ADDR;
  return { idType, data: addressOctets(address) };
}

function ofText(idType: number, text: string): Identity {
  if (text === "") throw new InvalidText("nothing follows the type.");
  return { idType, data: utf8(text) };
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What a hostile peer names itself must not be able to write control characters into a terminal or a log. */
function printable(data: Uint8Array): string {
  let text = "";
  for (const octet of data)
    text += octet > 0x20 && octet < 0x7f && octet !== 0x5c ? String.fromCharCode(octet) : `\\x${octet.toString(16).padStart(2, "0")}`;
  return text;
}
