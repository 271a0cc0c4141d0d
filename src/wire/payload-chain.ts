/** Payloads linked by their generic headers (RFC 7296 §3.2), in a message's clear part and inside an Encrypted payload alike. */
import { MalformedMessage } from "./errors.ts";
import { PayloadType } from "./iana/index.ts";
import { Reader, Writer } from "./octets.ts";
import { decodePayload, encodePayloadBody, payloadTypeOf, type Payload, type RawPayload } from "./payload.ts";

/** Next Payload, critical bit, length. */
export const GENERIC_HEADER_LENGTH = 4;

/** More than any exchange has use for; keeps a hostile message from costing much more than its size. */
export const MAX_PAYLOADS = 100;

const CRITICAL = 0x80;

export interface PayloadChain {
  readonly payloads: Payload[];
  /** The type of the first payload that is unknown and marked critical: the message must be refused, naming it (RFC 7296 §2.5). */
  readonly unsupportedCritical: number | undefined;
}

/** A chain as it stands in a message: its octets, and the type of its first payload, which the header before it names. */
export interface EncodedChain {
  readonly first: number;
  readonly octets: Uint8Array<ArrayBuffer>;
}

/**
 * Reads a chain that fills `octets` exactly; `first` is the type of its first payload, 0 for an empty chain. Octets in the result are
 * views of `octets`. Throws MalformedMessage. Every payload takes at least four octets, so no chain can loop.
 */
export function decodePayloadChain(first: number, octets: Uint8Array): PayloadChain {
  const raw = splitChain(first, octets);
  const unsupported = raw.find(({ payloadType, critical }) => critical && !isImplemented(payloadType));
  return { payloads: raw.map(decodePayload), unsupportedCritical: unsupported?.payloadType };
}

function splitChain(first: number, octets: Uint8Array): RawPayload[] {
  const reader = new Reader(octets);
  const chain: RawPayload[] = [];
  let payloadType = first;
  while (payloadType !== PayloadType.NONE) {
    if (chain.length === MAX_PAYLOADS) throw new MalformedMessage("too-many-payloads", `more than ${MAX_PAYLOADS} payloads`);
    const nextPayload = reader.u8();
    const critical = (reader.u8() & CRITICAL) !== 0;
    const length = reader.u16();
    if (length < GENERIC_HEADER_LENGTH) throw new MalformedMessage("bad-length", `payload length ${length} is below its header's`);
    const body = reader.take(length - GENERIC_HEADER_LENGTH);
    chain.push({ payloadType, critical, nextPayload, body });
    // The Next Payload field of these two names what is inside, so they end the chain (§3.14).
    payloadType = isEncrypted(payloadType) ? PayloadType.NONE : nextPayload;
  }
  if (reader.remaining > 0 && isEncrypted(chain.at(-1)?.payloadType)) {
    throw new MalformedMessage("encrypted-not-last", `${reader.remaining} octets follow the Encrypted payload`);
  }
  reader.expectEnd("the payload chain");
  return chain;
}

const isEncrypted = (payloadType: number | undefined): boolean => payloadType === PayloadType.SK || payloadType === PayloadType.SKF;

function isImplemented(payloadType: number): boolean {
  return (payloadType >= PayloadType.SA && payloadType <= PayloadType.EAP) || payloadType === PayloadType.SKF;
}

/**
 * The inverse of {@link decodePayloadChain}. Throws RangeError for a payload too long for its 16-bit length, and if an SK or SKF payload is
 * not the last.
 */
export function encodePayloadChain(payloads: readonly Payload[]): EncodedChain {
  const writer = new Writer(512);
  payloads.forEach((payload, index) => {
    const body = encodePayloadBody(payload);
    writer
      .u8(nextPayloadOf(payload, payloads[index + 1]))
      .u8(payload.type === "UNKNOWN" && payload.critical ? CRITICAL : 0)
      .u16(GENERIC_HEADER_LENGTH + body.length)
      .octets(body);
  });
  const first = payloads[0];
  return { first: first === undefined ? PayloadType.NONE : payloadTypeOf(first), octets: writer.finish() };
}

function nextPayloadOf(payload: Payload, next: Payload | undefined): number {
  if (payload.type === "SK" || payload.type === "SKF") {
    if (next !== undefined) throw new RangeError(`${payload.type} must be the last payload, but ${next.type} follows`);
    return payload.firstInner;
  }
  return next === undefined ? PayloadType.NONE : payloadTypeOf(next);
}
