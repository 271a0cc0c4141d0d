/** From datagrams that the peer has sealed to messages: integrity, decryption, and the reassembly of fragments (RFC 7296 §3.14, RFC 7383 §2.6). */
import { decodePayloadChain, type DecodedMessage, type PayloadChain } from "../wire/message.ts";
import type { Payload, SkfPayload } from "../wire/payload.ts";
import { unencryptedFormOf } from "../wire/unencrypted-form.ts";
import type { Counters, DropReason } from "./counters.ts";
import { MalformedMessage, PeerMisbehaved } from "./errors.ts";
import type { MessageProtection } from "./message-protection.ts";
import { Reassembly } from "./reassembly.ts";

/** The peer's message, authenticated. */
export interface OpenedMessage {
  readonly inside: PayloadChain | MalformedMessage;
  /** The datagram, or that of fragment 1. */
  readonly datagram: Uint8Array;
  /** What IKE_AUTH proves of it, if it belongs to IKE_INTERMEDIATE (RFC 9242 §3.3.2). */
  readonly unencrypted: () => Uint8Array;
}

/** What a message ID makes of a message: worth reading; a request that is answered already; or why it is of no use. */
export type Expectation = "new" | "answered" | DropReason;

const NOTHING_INSIDE: PayloadChain = { payloads: [], unsupportedCritical: undefined };

export class MessageOpener {
  readonly #counters: Counters;
  readonly #reassembly = new Reassembly();

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /**
   * undefined: a fragment, kept until the others have come. For fragment 1 of a request that is answered already nothing is inside: it asks for
   * the answer once more, and only it does (RFC 7383 §2.6.1).
   */
  open(
    message: DecodedMessage,
    datagram: Uint8Array,
    protection: MessageProtection,
    acceptsFragments: boolean,
    expectation: Expectation,
  ): OpenedMessage | DropReason | undefined {
    const last = message.payloads.at(-1);
    const { aad, header } = message;
    if (last?.type === "SKF" && aad !== undefined) {
      if (!acceptsFragments) return "fragmentUnwelcome";
      return this.#openFragment(message, { skf: last, datagram, aad }, protection, expectation);
    }
    const plaintext = protection.open(message);
    if (typeof plaintext === "string") return plaintext;
    if (last?.type !== "SK" || aad === undefined) return "unprotected";
    this.#reassembly.forget(header);
    return { inside: decodeInside(last.firstInner, plaintext), datagram, unencrypted: () => unencryptedFormOf(aad, plaintext) };
  }

  #openFragment(
    message: DecodedMessage,
    fragment: { readonly skf: SkfPayload; readonly datagram: Uint8Array; readonly aad: Uint8Array },
    protection: MessageProtection,
    expectation: Expectation,
  ): OpenedMessage | DropReason | undefined {
    const { skf, datagram, aad } = fragment;
    const isAnswered = expectation === "answered";
    if (!isAnswered && expectation !== "new") return expectation;
    if (isAnswered && skf.fragmentNumber !== 1) return "fragmentRepeated";
    const refusal = isAnswered ? undefined : this.#reassembly.refusal(message.header, skf);
    if (refusal !== undefined) return refusal;
    const plaintext = protection.open(message);
    if (typeof plaintext === "string") return plaintext;
    this.#counters.fragmentsIn++;
    if (isAnswered) return { inside: NOTHING_INSIDE, datagram, unencrypted: () => unencryptedFormOf(aad, plaintext) };
    const whole = this.#reassembly.add(message.header, { ...fragment, plaintext });
    if (whole === undefined || typeof whole === "string") return whole;
    const inside = decodeInside(whole.firstInner, whole.plaintext);
    return { inside, datagram: whole.datagram, unencrypted: () => unencryptedFormOf(whole.aad, whole.plaintext) };
  }
}

/** MalformedMessage, not thrown: under protection, the peer is to be told (RFC 7296 §2.21.2). */
function decodeInside(firstInner: number, plaintext: Uint8Array): PayloadChain | MalformedMessage {
  try {
    return decodePayloadChain(firstInner, plaintext);
  } catch (error) {
    if (error instanceof MalformedMessage) return error;
    throw error;
  }
}

/** Of a response. Throws MalformedMessage or PeerMisbehaved, as there is nobody to answer it to (RFC 7296 §2.21.3). */
export function usablePayloads(inside: OpenedMessage["inside"], outerCritical: number | undefined): readonly Payload[] {
  if (inside instanceof MalformedMessage) throw inside;
  const critical = outerCritical ?? inside.unsupportedCritical;
  if (critical !== undefined) throw new PeerMisbehaved(`its answer has a critical payload of unknown type ${critical}`);
  return inside.payloads;
}
