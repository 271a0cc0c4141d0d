/** Matching of transport addresses against `local_addrs` and `remote_addrs`. */
import type { SocketAddress } from "../ipsec/sadb.ts";
import { parseAddress, parsePrefix } from "../wire/traffic-selector.ts";

/** Where messages and ESP go from, and to. */
export interface TransportAddresses {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

/** Addresses, prefixes, ranges or "%any"; the empty list matches nothing. */
export function matchesAddress(patterns: readonly string[], address: string): boolean {
  const { family, value } = parseAddress(address);
  return patterns.some((pattern) => {
    if (pattern === "%any") return true;
    const range = parsePrefix(pattern);
    return range.family === family && range.start <= value && value <= range.end;
  });
}

/** The first entry that is one address, which can be sent to or from. */
export function firstPlainAddress(patterns: readonly string[]): string | undefined {
  return patterns.find((pattern) => pattern !== "%any" && !/[/-]/.test(pattern));
}

export const familyOf = (address: string): 4 | 6 => parseAddress(address).family;

export function sameSocketAddress(a: SocketAddress, b: SocketAddress): boolean {
  return a.port === b.port && a.address === b.address;
}

/** "192.0.2.1:4500", "[2001:db8::1]:500". */
export function formatSocketAddress({ address, port }: SocketAddress): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
