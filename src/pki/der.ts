/**
 * DER (X.690) as far as certificates need it. asn1js takes the octets apart; what is asked of an element here is checked, and whatever is
 * wrong comes out as MalformedCertificate. The octets of every element stay at hand as they came: names, keys and what is signed are compared
 * and hashed octet by octet, never encoded anew.
 */
import { Constructed, fromBER, ObjectIdentifier, type AsnType } from "asn1js";
import { MalformedCertificate } from "./errors.ts";

/** Universal tag numbers (X.680 §8.6). */
export const Tag = {
  BOOLEAN: 1,
  INTEGER: 2,
  BIT_STRING: 3,
  OCTET_STRING: 4,
  OBJECT_IDENTIFIER: 6,
  ENUMERATED: 10,
  UTF8_STRING: 12,
  SEQUENCE: 16,
  SET: 17,
  PRINTABLE_STRING: 19,
  TELETEX_STRING: 20,
  IA5_STRING: 22,
  UTC_TIME: 23,
  GENERALIZED_TIME: 24,
  BMP_STRING: 30,
} as const;

const UNIVERSAL_CLASS = 1;
const CONTEXT_CLASS = 3;

export interface BitString {
  readonly octets: Uint8Array;
  /** 0..7, at the end of the last octet. */
  readonly unusedBits: number;
}

export class DerElement {
  readonly #block: AsnType;

  constructor(block: AsnType) {
    this.#block = block;
    const { lenBlock, valueBeforeDecodeView } = block;
    // BER has lengths that are not known beforehand, and many spellings of those that are; asn1js takes them all.
    if (lenBlock.isIndefiniteForm || valueBeforeDecodeView.length !== 1 + lengthOfLength(lenBlock.length) + lenBlock.length) {
      throw new MalformedCertificate("It has an element whose length is not written as DER asks.");
    }
  }

  /** Tag, length and content. A view. */
  get raw(): Uint8Array {
    return this.#block.valueBeforeDecodeView;
  }

  /** Without tag and length. A view. */
  get content(): Uint8Array {
    const { raw } = this;
    return raw.subarray(raw.length - this.#block.lenBlock.length);
  }

  /** Number of a universal tag; undefined for one of another class. */
  get universal(): number | undefined {
    return this.#block.idBlock.tagClass === UNIVERSAL_CLASS ? this.#block.idBlock.tagNumber : undefined;
  }

  /** Number of a context-specific tag, as in `[3]`; undefined for one of another class. */
  get context(): number | undefined {
    return this.#block.idBlock.tagClass === CONTEXT_CLASS ? this.#block.idBlock.tagNumber : undefined;
  }

  /** The elements of a SEQUENCE. */
  sequence(what: string): DerElement[] {
    return this.#expect(Tag.SEQUENCE, what).children(what);
  }

  /** The elements of a SET. */
  set(what: string): DerElement[] {
    return this.#expect(Tag.SET, what).children(what);
  }

  /** The elements of anything constructed, such as an explicit tag. */
  children(what: string): DerElement[] {
    if (!(this.#block instanceof Constructed)) throw new MalformedCertificate(`Its ${what} is not constructed.`);
    const children = this.#block.valueBlock.value.map((block) => new DerElement(block));
    // asn1js lets elements reach beyond the end of what they are in.
    const total = children.reduce((sum, { raw }) => sum + raw.length, 0);
    if (total !== this.content.length) throw new MalformedCertificate(`The elements of its ${what} do not fit into it.`);
    return children;
  }

  /** "2.5.29.19" */
  oid(what: string): string {
    if (!(this.#block instanceof ObjectIdentifier)) throw new MalformedCertificate(`Its ${what} is not an object identifier.`);
    return this.#block.valueBlock.toString();
  }

  /** The content of an INTEGER or ENUMERATED: two's complement, in network order. */
  integer(what: string): Uint8Array {
    const { content } = this.#expect(this.universal === Tag.ENUMERATED ? Tag.ENUMERATED : Tag.INTEGER, what);
    if (content.length === 0) throw new MalformedCertificate(`Its ${what} is a number without digits.`);
    return content;
  }

  /** A number that is no larger than 2^31 − 1 and not negative. */
  count(what: string): number {
    const octets = this.integer(what);
    const value = octets.reduce((sum, octet) => sum * 256 + octet, 0);
    const isNegative = (octets[0] ?? 0) >= 0x80;
    if (isNegative || octets.length > 4) throw new MalformedCertificate(`Its ${what} is out of all proportion.`);
    return value;
  }

  flag(what: string): boolean {
    const [octet, ...more] = this.#expect(Tag.BOOLEAN, what).content;
    if (octet === undefined || more.length > 0) throw new MalformedCertificate(`Its ${what} is not a truth value.`);
    return octet !== 0;
  }

  octetString(what: string): Uint8Array {
    return this.#primitive(Tag.OCTET_STRING, what);
  }

  bitString(what: string): BitString {
    const content = this.#primitive(Tag.BIT_STRING, what);
    const unusedBits = content[0];
    if (unusedBits === undefined || unusedBits > 7 || (content.length === 1 && unusedBits > 0)) {
      throw new MalformedCertificate(`Its ${what} is no string of bits.`);
    }
    return { octets: content.subarray(1), unusedBits };
  }

  /** UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 writes them: to the second, in Greenwich. Milliseconds since 1970. */
  time(what: string): number {
    const digits = String.fromCharCode(...this.content.subarray(0, 16));
    const { universal } = this;
    const parts =
      universal === Tag.UTC_TIME
        ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits)
        : universal === Tag.GENERALIZED_TIME
          ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits)
          : null;
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (parts ?? []).slice(1).map(Number);
    const isTime = month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour < 24 && minute < 60 && second < 60;
    if (parts === null || !isTime) throw new MalformedCertificate(`Its ${what} is not a time.`);
    const century = universal !== Tag.UTC_TIME ? 0 : year >= 50 ? 1900 : 2000;
    return Date.UTC(century + year, month - 1, day, hour, minute, second);
  }

  #primitive(tag: number, what: string): Uint8Array {
    const element = this.#expect(tag, what);
    if (element.#block.idBlock.isConstructed) throw new MalformedCertificate(`Its ${what} is in pieces, which is not DER.`);
    return element.content;
  }

  #expect(tag: number, what: string): this {
    if (this.universal !== tag) throw new MalformedCertificate(`Its ${what} has another type than it should have.`);
    return this;
  }
}

/** Octets of the shortest spelling of a length. */
function lengthOfLength(length: number): number {
  return length < 0x80 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : length < 0x100_0000 ? 4 : 5;
}

/** The one element that `octets` are, with nothing after it. Copies: the result does not change with `octets`. @throws MalformedCertificate */
export function parseDer(octets: Uint8Array): DerElement {
  const { offset, result } = decode(octets.slice());
  if (offset !== octets.length) {
    throw new MalformedCertificate(offset < 0 ? "It is not DER." : `It has ${octets.length - offset} octets after its end.`);
  }
  return new DerElement(result);
}

function decode(octets: Uint8Array): ReturnType<typeof fromBER> {
  try {
    return fromBER(octets);
  } catch {
    // asn1js speaks of its own insides.
    throw new MalformedCertificate("It is not DER.");
  }
}
