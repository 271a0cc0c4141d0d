/**
 * Whole IKE messages. What is encrypted stays so here: this file says where the Encrypted payload's body lies and which octets are
 * authenticated with it, and src/crypto seals and opens.
 *
 *     | IKE header | clear payloads… | generic header of SK | IV | ciphertext | ICV |
 *     |<------------------------ aad ---------------------->|<------ body ------>|
 *
 * For SKF, Fragment Number and Total Fragments belong to the aad too (RFC 5282 §5.1, RFC 7383 §2.5).
 */
import { MalformedMessage } from "./errors.ts";
import { decodeIkeHeader, encodeIkeHeader, IKE_HEADER_LENGTH, type IkeHeader } from "./ike-header.ts";
import { concat } from "./octets.ts";
import { decodePayloadChain, encodePayloadChain, GENERIC_HEADER_LENGTH, type EncodedChain } from "./payload-chain.ts";
import type { Payload, SkfPayload, SkPayload } from "./payload.ts";

export { decodePayloadChain, encodePayloadChain, MAX_PAYLOADS } from "./payload-chain.ts";
export type { EncodedChain, PayloadChain } from "./payload-chain.ts";

export interface IkeMessage {
  readonly header: IkeHeader;
  /** In the order of the wire. An SK or SKF payload can only be the last. */
  readonly payloads: readonly Payload[];
}

export interface DecodedMessage extends IkeMessage {
  /** The first unknown payload type marked critical: answer UNSUPPORTED_CRITICAL_PAYLOAD and nothing else (RFC 7296 §2.5). */
  readonly unsupportedCritical: number | undefined;
  /** All octets before the body of the SK or SKF payload; undefined if there is none. A view of the datagram. */
  readonly aad: Uint8Array | undefined;
}

/** What the sender of a message decides about its header; version 2.0 unless said otherwise. */
export interface MessageHeader extends Pick<
  IkeHeader,
  "initiatorSpi" | "responderSpi" | "exchangeType" | "isInitiator" | "isResponse" | "messageId"
> {
  readonly majorVersion?: number;
  readonly minorVersion?: number;
  readonly higherVersion?: boolean;
}

/** Seals the inner payload chain. Implemented with the ciphers of src/crypto. */
export interface BodySealer {
  /** Octets of IV, ciphertext, padding and ICV for so many octets of inner payloads: needed first, as the aad holds the lengths. */
  bodyLength(plaintextLength: number): number;
  /** Returns exactly `bodyLength(plaintext.length)` octets. */
  seal(aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
}

/**
 * Reads a datagram (without the non-ESP marker) that must be one whole message of major version 2. Octets in the result are views of
 * `octets`: copy what outlives the datagram. Throws MalformedMessage; to answer INVALID_MAJOR_VERSION look at decodeIkeHeader first.
 */
export function decodeMessage(octets: Uint8Array): DecodedMessage {
  const header = decodeIkeHeader(octets);
  if (header.majorVersion !== 2) throw new MalformedMessage("bad-version", `IKE version ${header.majorVersion}.${header.minorVersion}`);
  if (header.length !== octets.length) {
    throw new MalformedMessage("bad-length", `the header says ${header.length} octets, the datagram has ${octets.length}`);
  }
  const { payloads, unsupportedCritical } = decodePayloadChain(header.nextPayload, octets.subarray(IKE_HEADER_LENGTH));
  const last = payloads.at(-1);
  const aad = last?.type === "SK" || last?.type === "SKF" ? octets.subarray(0, octets.length - last.body.length) : undefined;
  return { header, payloads, unsupportedCritical, aad };
}

/** Throws RangeError for values that do not fit their fields. */
export function encodeMessage(header: MessageHeader, payloads: readonly Payload[]): Uint8Array<ArrayBuffer> {
  const { first, octets } = encodePayloadChain(payloads);
  const { majorVersion = 2, minorVersion = 0, higherVersion = false } = header;
  const length = IKE_HEADER_LENGTH + octets.length;
  return concat(encodeIkeHeader({ ...header, majorVersion, minorVersion, higherVersion, nextPayload: first, length }), octets);
}

/**
 * The octets of a message up to the body of its SK payload, all lengths counting a body of `bodyLength` octets: the aad for sealing that
 * body, and the message's beginning. `clear` payloads go before SK, unencrypted but authenticated.
 */
export function encodeWithSk(
  header: MessageHeader,
  firstInner: number,
  bodyLength: number,
  clear: readonly Payload[] = [],
): Uint8Array<ArrayBuffer> {
  const sk: SkPayload = { type: "SK", firstInner, body: new Uint8Array(bodyLength) };
  const message = encodeMessage(header, [...clear, sk]);
  return message.subarray(0, message.length - bodyLength);
}

/** As {@link encodeWithSk} for one fragment (RFC 7383 §2.5). `firstInner` is used for fragment 1 only; the others carry 0. */
export function encodeWithSkf(
  header: MessageHeader,
  firstInner: number,
  fragment: Pick<SkfPayload, "fragmentNumber" | "totalFragments">,
  bodyLength: number,
): Uint8Array<ArrayBuffer> {
  const { fragmentNumber, totalFragments } = fragment;
  const skf: SkfPayload = {
    type: "SKF",
    firstInner: fragmentNumber === 1 ? firstInner : 0,
    fragmentNumber,
    totalFragments,
    body: new Uint8Array(bodyLength),
  };
  const message = encodeMessage(header, [skf]);
  return message.subarray(0, message.length - bodyLength);
}

/** Octets of a whole message with so many octets inside SK. */
export const protectedLength = (innerLength: number, sealer: BodySealer): number =>
  IKE_HEADER_LENGTH + GENERIC_HEADER_LENGTH + sealer.bodyLength(innerLength);

/** A whole message whose `inner` payloads travel inside SK. Throws RangeError if the sealer breaks its promise about the length. */
export function encodeProtected(header: MessageHeader, inner: EncodedChain, sealer: BodySealer): Uint8Array<ArrayBuffer> {
  const bodyLength = sealer.bodyLength(inner.octets.length);
  const aad = encodeWithSk(header, inner.first, bodyLength);
  const body = sealer.seal(aad, inner.octets);
  if (body.length !== bodyLength) throw new RangeError(`the sealer promised ${bodyLength} octets and gave ${body.length}`);
  return concat(aad, body);
}
