/** Traffic selectors as the prefixes that a routing table understands. */
import { addressBits, formatAddress, parseAddress } from "../wire/address.ts";
import type { AddressFamily } from "../wire/address.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";

export interface AddressRange {
  readonly family: AddressFamily;
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * The fewest prefixes that cover a range exactly, in ascending order. All addresses become two halves: a route to all of them would take the
 * place of the host's default route, and would be lost to it when ours is removed.
 */
export function prefixesOf({ family, start, end }: AddressRange): string[] {
  const bits = BigInt(addressBits(family));
  const prefixes: string[] = [];
  let at = start;
  while (at <= end) {
    let hostBits = at === 0n ? bits - 1n : trailingZeros(at);
    while (at + (1n << hostBits) - 1n > end) hostBits--;
    prefixes.push(`${formatAddress(family, at)}/${bits - hostBits}`);
    at += 1n << hostBits;
  }
  return prefixes;
}

/** `value` is not 0. */
function trailingZeros(value: bigint): bigint {
  let zeros = 0n;
  while ((value >> zeros) % 2n === 0n) zeros++;
  return zeros;
}

export function containsAddress(ranges: readonly AddressRange[], address: string): boolean {
  const { family, value } = parseAddress(address);
  return ranges.some((range) => range.family === family && range.start <= value && value <= range.end);
}

/** The selectors' destinations, each prefix once. */
export function destinationsOf(selectors: readonly TrafficSelector[]): string[] {
  return [...new Set(selectors.flatMap(prefixesOf))];
}
