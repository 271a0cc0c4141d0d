/** `struct sockaddr_in` and `sockaddr_in6` (ip(7), ipv6(7)). The family is in host byte order, port and address in network byte order. */
import { isIPv4, isIPv6 } from "node:net";

export const AF_INET = 2;
export const AF_INET6 = 10;
const SOCKADDR_IN_LENGTH = 16;
export const SOCKADDR_IN6_LENGTH = 28;

/**
 * Writes a sockaddr at `offset` and returns its length: 16 for IPv4, 28 for IPv6. A zone ("fe80::1%eth0") is not taken: scope ids are numbers of
 * interfaces, and IKE over link-local addresses is not done.
 *
 * @throws RangeError when `address` is neither
 */
export function encodeSockaddr(view: DataView, offset: number, address: string, port: number): number {
  if (isIPv4(address)) {
    view.setUint16(offset, AF_INET, true);
    view.setUint16(offset + 2, port);
    address.split(".").forEach((part, i) => view.setUint8(offset + 4 + i, Number(part)));
    view.setBigUint64(offset + 8, 0n);
    return SOCKADDR_IN_LENGTH;
  }
  if (!isIPv6(address) || address.includes("%")) throw new RangeError(`"${address}" is not an IP address`);
  view.setUint16(offset, AF_INET6, true);
  view.setUint16(offset + 2, port);
  view.setUint32(offset + 4, 0); // flow label
  parseIPv6(address).forEach((group, i) => view.setUint16(offset + 8 + i * 2, group));
  view.setUint32(offset + 24, 0); // scope id
  return SOCKADDR_IN6_LENGTH;
}

/** The sockaddr at `offset`, IPv6 in the form of RFC 5952; undefined for another family. */
export function decodeSockaddr(view: DataView, offset: number): { address: string; port: number } | undefined {
  const port = view.getUint16(offset + 2);
  switch (view.getUint16(offset, true)) {
    case AF_INET:
      return { address: [0, 1, 2, 3].map((i) => view.getUint8(offset + 4 + i)).join("."), port };
    case AF_INET6:
      return { address: formatIPv6(Array.from({ length: 8 }, (_, i) => view.getUint16(offset + 8 + i * 2))), port };
    default:
      return undefined;
  }
}

/** Eight groups of 16 bits. `address` is known to be valid. */
function parseIPv6(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const groups = (text: string): number[] =>
    text === ""
      ? []
      : text.split(":").flatMap((part) => {
          if (!part.includes(".")) return [Number.parseInt(part, 16)];
          const [a = 0, b = 0, c = 0, d = 0] = part.split(".").map(Number);
          return [(a << 8) | b, (c << 8) | d];
        });
  const before = groups(head);
  if (tail === undefined) return before;
  const after = groups(tail);
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

/** RFC 5952 §4: lower case, no leading zeros, the first longest run of two or more zero groups shortened; §5: IPv4-mapped in dotted form. */
function formatIPv6(groups: readonly number[]): string {
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6);
    return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
  }
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  return start < 0 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}
