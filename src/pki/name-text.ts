/** Distinguished names as an operator writes them: "C=CH, O=Example, CN=west.example". */
import { InvalidText } from "../wire/errors.ts";
import { concat } from "../wire/octets.ts";
import { Tag } from "./der.ts";
import { ATTRIBUTE_NAMES, attributeOid, EMAIL_ADDRESS } from "./name-attributes.ts";

const DOMAIN_COMPONENT = "0.9.2342.19200300.100.1.25";

const CONSTRUCTED = 0x20;

/**
 * DER of the RDNSequence, relative names in the order of the text. A comma, plus sign or backslash inside of a value has a backslash before
 * it; "+" joins the attributes of one relative name. Values are PrintableString where that is possible, else UTF8String.
 *
 * @throws InvalidText
 */
export function encodeName(text: string): Uint8Array {
  const relativeNames = splitOutsideEscapes(text, ",").map((relative) => splitOutsideEscapes(relative, "+").map(encodeAttribute));
  const sets = relativeNames.map((attributes) => element(Tag.SET | CONSTRUCTED, ...attributes.sort(compareOctets)));
  return element(Tag.SEQUENCE | CONSTRUCTED, ...sets);
}

/** Whether a text is meant as a distinguished name. */
export function looksLikeName(text: string): boolean {
  return /^\s*(\w+|\d+(\.\d+)+)\s*=/.test(text);
}

function encodeAttribute(text: string): Uint8Array {
  const equals = text.indexOf("=");
  const name = text.slice(0, Math.max(equals, 0)).trim();
  if (equals < 0 || name === "") throw new InvalidText(`"${text.trim()}" is not an attribute such as CN=west.example.`);
  const oid = attributeOid(name);
  if (oid === undefined) throw new InvalidText(`"${name}" is not the name of an attribute; known are ${ATTRIBUTE_NAMES.join(", ")}.`);
  const value = text
    .slice(equals + 1)
    .trim()
    .replaceAll(/\\(.)/g, "$1");
  if (value === "") throw new InvalidText(`Nothing follows "${name}=".`);
  return element(Tag.SEQUENCE | CONSTRUCTED, encodeOid(oid), encodeText(oid, value));
}

function encodeText(oid: string, value: string): Uint8Array {
  const octets = new TextEncoder().encode(value);
  if (oid === EMAIL_ADDRESS || oid === DOMAIN_COMPONENT) return element(Tag.IA5_STRING, octets);
  return element(/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? Tag.PRINTABLE_STRING : Tag.UTF8_STRING, octets);
}

function encodeOid(oid: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = oid.split(".").map(Number);
  return element(Tag.OBJECT_IDENTIFIER, Uint8Array.from([40 * first + second, ...rest].flatMap(base128)));
}

/** Seven bits an octet, the high bit set on all but the last. */
function base128(number: number): number[] {
  const octets = [number % 128];
  for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128)) octets.unshift((left % 128) + 128);
  return octets;
}

function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = concat(...contents);
  const { length } = content;
  const header = length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  if (length > 0xffff) throw new InvalidText("The name is longer than any name can be.");
  return concat(Uint8Array.from(header), content);
}

/** DER sorts the members of a SET. */
function compareOctets(a: Uint8Array, b: Uint8Array): number {
  const difference = a.findIndex((octet, index) => octet !== b[index]);
  return difference < 0 ? a.length - b.length : (a[difference] ?? 0) - (b[difference] ?? 0);
}

function splitOutsideEscapes(text: string, separator: string): string[] {
  const parts = [""];
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === separator) parts.push("");
    else parts.push((parts.pop() ?? "") + (character === "\\" ? character + text.charAt(++index) : character));
  }
  return parts;
}
