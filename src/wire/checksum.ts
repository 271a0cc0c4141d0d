/**
 * The Internet checksum (RFC 1071), written to be read: the reference that the WASM kernels are tested against, and good enough for the
 * packets that the control side makes itself.
 */
import { addressOctets, type Address } from "./address.ts";
import { Writer, concat } from "./octets.ts";

/**
 * The one's complement sum of 16-bit words, folded to 16 bits and not inverted, so that sums can be chained through `initial` (any
 * non-negative integer below 2^32). An odd last octet counts as if a zero followed it: chain only parts of even length.
 */
export function onesComplementSum(octets: Uint8Array, initial = 0): number {
  let sum = initial;
  for (let at = 0; at < octets.length; at += 2) {
    sum += ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
  }
  // Not `sum >> 16`: a sum over 2^31 would turn negative.
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

/** What belongs in a checksum field that counted as zero; 0 over octets whose checksum field is right. `initial` as for the sum. */
export function checksum(octets: Uint8Array, initial = 0): number {
  return ~onesComplementSum(octets, initial) & 0xffff;
}

/** The sum over the pseudo-header of RFC 9293 §3.1 or RFC 8200 §8.1: the `initial` for TCP, UDP and ICMPv6. `length` is theirs in octets. */
export function pseudoHeaderSum(source: Address, destination: Address, protocol: number, length: number): number {
  const tail = new Writer(8).u32(length).u32(protocol).finish();
  return onesComplementSum(concat(addressOctets(source), addressOctets(destination), tail));
}
