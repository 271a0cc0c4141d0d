/** DER for certificates made in tests: written by hand, so that the reader under test is not its own witness. */
import { concat } from "../../../src/wire/octets.ts";

export function tlv(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = concat(...contents);
  const { length } = content;
  const header = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concat(Uint8Array.of(tag, ...header), content);
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => tlv(0x30, ...parts);
export const set = (...parts: readonly Uint8Array[]): Uint8Array => tlv(0x31, ...parts);
export const explicit = (number: number, ...parts: readonly Uint8Array[]): Uint8Array => tlv(0xa0 | number, ...parts);
export const octetString = (...parts: readonly Uint8Array[]): Uint8Array => tlv(0x04, ...parts);
export const bitString = (octets: Uint8Array, unusedBits = 0): Uint8Array => tlv(0x03, Uint8Array.of(unusedBits), octets);
export const boolean = (value: boolean): Uint8Array => tlv(0x01, Uint8Array.of(value ? 0xff : 0));
export const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A small number that is not negative. */
export function integer(value: number): Uint8Array {
  const hex = value.toString(16);
  const octets = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
  return tlv(0x02, ...((octets[0] ?? 0) >= 0x80 ? [Uint8Array.of(0)] : []), octets);
}

export function oid(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const octets = [40 * first + second, ...rest].flatMap((arc) => {
    const digits = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
    return digits;
  });
  return tlv(0x06, Uint8Array.from(octets));
}

export const generalizedTime = (iso: string): Uint8Array => tlv(0x18, ascii(new Date(iso).toISOString().replaceAll(/[-T:]|\.\d+/g, "")));

/** "2026-11-24T00:00:00Z": as UTCTime to 2049, as GeneralizedTime after that. */
export function time(iso: string): Uint8Array {
  const digits = new Date(iso).toISOString().replaceAll(/[-T:]|\.\d+/g, "");
  return Number(digits.slice(0, 4)) < 2050 ? tlv(0x17, ascii(digits.slice(2))) : tlv(0x18, ascii(digits));
}

/** "CN=west" and "O=Example, CN=west": all values as UTF8String. */
export function name(text: string): Uint8Array {
  const types: Record<string, string> = { C: "2.5.4.6", O: "2.5.4.10", CN: "2.5.4.3" };
  const attributes = text === "" ? [] : text.split(", ").map((attribute) => attribute.split("=") as [string, string]);
  return sequence(...attributes.map(([type, value]) => set(sequence(oid(types[type] ?? type), tlv(0x0c, ascii(value))))));
}

/** Tags of GeneralName, [1] to [7]. */
export const generalName = { email: 0x81, dns: 0x82, directory: 0xa4, uri: 0x86, address: 0x87 } as const;
