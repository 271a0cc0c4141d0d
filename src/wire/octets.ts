/**
 * Big-endian ("network order") access to octets. `Reader` refuses to run past the end by throwing {@link MalformedMessage}; `Writer` refuses
 * values that do not fit their field by throwing RangeError, since only our own mistakes can cause that.
 */
import { InvalidText, MalformedMessage } from "./errors.ts";

/** A cursor over octets that it does not own. What {@link take} returns is a view: copy it if it must outlive the input. */
export class Reader {
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  }

  /** Octets consumed so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Octets left. */
  get remaining(): number {
    return this.#octets.length - this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  /** A bigint, because a Number loses the low bits of anything above 2^53. */
  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8));
  }

  /** An unsigned integer of `length` octets, for addresses. */
  unsigned(length: number): bigint {
    let value = 0n;
    for (const octet of this.take(length)) value = (value << 8n) | BigInt(octet);
    return value;
  }

  /** The next `length` octets as a view of the input. */
  take(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#octets.subarray(start, start + length);
  }

  /** Everything that is left, as a view of the input. */
  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  /** Passes over RESERVED fields, which a receiver ignores (RFC 7296 §3). */
  skip(length: number): void {
    this.#advance(length);
  }

  /** Throws unless every octet was consumed; `what` names the structure in the error. */
  expectEnd(what: string): void {
    if (this.remaining !== 0) throw new MalformedMessage("trailing-octets", `${this.remaining} octets after the end of ${what}`);
  }

  #advance(length: number): number {
    if (length > this.remaining) throw new MalformedMessage("truncated", `${length} octets wanted, ${this.remaining} left`);
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

/** Gathers fields into octets. Methods return the writer, so that an encoder reads like the RFC's diagram. */
export class Writer {
  #octets: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #length = 0;

  /** `capacity` is a hint in octets; the writer grows. */
  constructor(capacity = 256) {
    this.#octets = new Uint8Array(capacity);
    this.#view = new DataView(this.#octets.buffer);
  }

  /** Octets written so far. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    requireField(value, 0xff);
    const start = this.#claim(1);
    this.#view.setUint8(start, value);
    return this;
  }

  u16(value: number): this {
    requireField(value, 0xffff);
    const start = this.#claim(2);
    this.#view.setUint16(start, value);
    return this;
  }

  u32(value: number): this {
    requireField(value, 0xffffffff);
    const start = this.#claim(4);
    this.#view.setUint32(start, value);
    return this;
  }

  u64(value: bigint): this {
    return this.unsigned(value, 8);
  }

  /** `value` as exactly `length` octets. */
  unsigned(value: bigint, length: number): this {
    if (value < 0n || value >> BigInt(8 * length) !== 0n) throw new RangeError(`${value.toString()} does not fit ${length} octets`);
    const start = this.#claim(length);
    let left = value;
    for (let at = start + length - 1; at >= start; at--) {
      this.#octets[at] = Number(left & 0xffn);
      left >>= 8n;
    }
    return this;
  }

  octets(part: Uint8Array): this {
    const start = this.#claim(part.length);
    this.#octets.set(part, start);
    return this;
  }

  /** `count` octets of zero: RESERVED fields. */
  zeros(count: number): this {
    this.#claim(count);
    return this;
  }

  /** The octets written, as a view: write nothing more afterwards. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#octets.subarray(0, this.#length);
  }

  /** Makes room and may replace array and view: it must run in a statement before the one that names them. */
  #claim(count: number): number {
    const start = this.#length;
    const needed = start + count;
    if (needed > this.#octets.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#octets.length));
      grown.set(this.#octets);
      this.#octets = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = needed;
    return start;
  }
}

function requireField(value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) throw new RangeError(`${value} is not an integer from 0 to ${max}`);
}

/** A new array holding all parts, one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Not constant time: for public values only. Secrets and MACs are compared in src/crypto. */
export function equalOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, index) => octet === b[index]);
}

/** "c0ffee": lower case, two digits an octet, no separators. */
export function toHex(octets: Uint8Array): string {
  let text = "";
  for (const octet of octets) text += octet.toString(16).padStart(2, "0");
  return text;
}

/** Reads {@link toHex}'s form, either case; white space, as in a vector broken over lines, is passed over. Throws InvalidText. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits))
    throw new InvalidText(`"${text}" is not hexadecimal with two digits an octet.`);
  const octets = new Uint8Array(digits.length / 2);
  for (let index = 0; index < octets.length; index++) octets[index] = Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16);
  return octets;
}
