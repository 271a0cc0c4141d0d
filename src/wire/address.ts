/** IPv4 and IPv6 addresses as numbers and as text. */
import { InvalidText } from "./errors.ts";
import { Reader, Writer } from "./octets.ts";

export type AddressFamily = 4 | 6;

/** `value` is the address as an unsigned integer of 32 or 128 bits: a bigint for both, so that ranges compare alike. */
export interface Address {
  readonly family: AddressFamily;
  readonly value: bigint;
}

/** 32 or 128. */
export const addressBits = (family: AddressFamily): number => (family === 4 ? 32 : 128);

/** Network order, 4 or 16 octets. */
export function addressOctets({ family, value }: Address): Uint8Array<ArrayBuffer> {
  const length = addressBits(family) / 8;
  return new Writer(length).unsigned(value, length).finish();
}

/** 4 octets are an IPv4 address, 16 an IPv6 address; undefined for any other number. */
export function addressFromOctets(octets: Uint8Array): Address | undefined {
  if (octets.length !== 4 && octets.length !== 16) return undefined;
  return { family: octets.length === 4 ? 4 : 6, value: new Reader(octets).unsigned(octets.length) };
}

/** Dotted decimal, or any form of RFC 4291 §2.2 (no zone). Throws InvalidText. */
export function parseAddress(text: string): Address {
  const value = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  if (value === undefined) throw new InvalidText(`"${text}" is not an IP address.`);
  return { family: text.includes(":") ? 6 : 4, value };
}

function parseIpv4(text: string): bigint | undefined {
  // A leading zero is refused: some read it as octal, some as decimal (RFC 6943 §3.1.1).
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) return undefined;
  let value = 0n;
  for (const part of text.split(".")) {
    if (Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves[1] === undefined ? [] : parseGroups(halves[1], true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<bigint>(missing).fill(0n), ...tail];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}

/** The 16-bit groups of one side of "::"; the last 32 bits of an address may be dotted decimal. */
function parseGroups(text: string, mayEndDotted: boolean): bigint[] | undefined {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(BigInt(`0x${part}`));
      continue;
    }
    const dotted = mayEndDotted && index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (dotted === undefined) return undefined;
    groups.push(dotted >> 16n, dotted & 0xffffn);
  }
  return groups;
}

/** Dotted decimal, or the canonical form of RFC 5952. */
export function formatAddress(family: AddressFamily, value: bigint): string {
  return family === 4 ? formatIpv4(value) : formatIpv6(value);
}

function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => ((value >> shift) & 0xffn).toString()).join(".");
}

function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  // RFC 5952 §5: addresses known to embed IPv4 end in dotted decimal; ::ffff:0:0/96 is the one of those that a socket reports.
  if (value >> 32n === 0xffffn) return `::ffff:${formatIpv4(value & 0xffffffffn)}`;
  const gap = longestZeroRun(groups);
  if (gap === undefined) return groups.join(":");
  return `${groups.slice(0, gap.start).join(":")}::${groups.slice(gap.end).join(":")}`;
}

/** RFC 5952 §4.2: the longest run of zero groups, the first of equals, and never a run of one. */
function longestZeroRun(groups: readonly string[]): { start: number; end: number } | undefined {
  let best: { start: number; end: number } | undefined;
  let start = 0;
  for (let end = 1; end <= groups.length; end++) {
    if (groups[end - 1] !== "0") start = end;
    else if (end - start >= 2 && (best === undefined || end - start > best.end - best.start)) best = { start, end };
  }
  return best;
}
