/** Who is judged together where a sender has proved nothing, or has no name: single IPv6 addresses tell nobody apart (RFC 8019 §4.2). */
import { formatAddress, parseAddress } from "../wire/address.ts";

const HOST_BITS = 64n;

/** An IPv4 address, mapped or not, stands for itself; an IPv6 address for its /64: who has one has 2^64. Throws InvalidText. */
export function sourceNetwork(address: string): string {
  const { family, value } = parseAddress(address);
  if (family === 4) return formatAddress(4, value);
  // ::ffff:0:0/96 (RFC 4291 §2.5.5.2): all of IPv4 would be in one /64.
  if (value >> 32n === 0xffffn) return formatAddress(4, value & 0xffffffffn);
  return `${formatAddress(6, (value >> HOST_BITS) << HOST_BITS)}/64`;
}
