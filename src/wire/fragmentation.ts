/** IKE fragmentation (RFC 7383 §2.5): one message too long for a datagram goes as several, each with a part of the inner payloads, sealed alone. */
import { GENERIC_HEADER_LENGTH, type EncodedChain } from "./payload-chain.ts";
import { IKE_HEADER_LENGTH } from "./ike-header.ts";
import { encodeWithSkf, type BodySealer, type MessageHeader } from "./message.ts";
import { concat } from "./octets.ts";
import { SKF_FIELDS_LENGTH } from "./payload/encrypted.ts";

/** Octets of a fragment before its body: IKE header, generic header, Fragment Number and Total Fragments. */
const FRAGMENT_OVERHEAD = IKE_HEADER_LENGTH + GENERIC_HEADER_LENGTH + SKF_FIELDS_LENGTH;

const MAX_TOTAL_FRAGMENTS = 0xffff;

/**
 * The inner payloads in as few fragments of at most `maxLength` octets as there can be. `sealer` takes another IV for each.
 *
 * @throws RangeError if not even one octet of payload fits a fragment, or there would be more of them than can be numbered
 */
export function encodeFragments(
  header: MessageHeader,
  inner: EncodedChain,
  maxLength: number,
  sealer: BodySealer,
): Uint8Array<ArrayBuffer>[] {
  const share = largestShare(sealer, maxLength - FRAGMENT_OVERHEAD);
  const totalFragments = Math.max(1, Math.ceil(inner.octets.length / share));
  if (totalFragments > MAX_TOTAL_FRAGMENTS) throw new RangeError(`${totalFragments} fragments`);
  return Array.from({ length: totalFragments }, (_, index) => {
    const plaintext = inner.octets.subarray(index * share, (index + 1) * share);
    const bodyLength = sealer.bodyLength(plaintext.length);
    const aad = encodeWithSkf(header, inner.first, { fragmentNumber: index + 1, totalFragments }, bodyLength);
    return concat(aad, sealer.seal(aad, plaintext));
  });
}

/** The most octets of plaintext whose sealed body has at most `room` octets; padding makes that a step function. */
function largestShare(sealer: BodySealer, room: number): number {
  let share = room - (sealer.bodyLength(room) - room);
  while (share > 0 && sealer.bodyLength(share) > room) share--;
  while (sealer.bodyLength(share + 1) <= room) share++;
  if (share <= 0) throw new RangeError(`no fragment fits ${room + FRAGMENT_OVERHEAD} octets`);
  return share;
}
