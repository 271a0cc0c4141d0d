/**
 * Putting fragmented messages together again (RFC 7383 §2.6). Only authenticated fragments are stored, and of one message no more than
 * {@link MAX_FRAGMENTS} and {@link MAX_MESSAGE_LENGTH}; how many messages there can be is for the message ID window to limit.
 */
import type { SkfPayload } from "../wire/payload.ts";
import { concat } from "../wire/octets.ts";
import type { DropReason } from "./counters.ts";

/** A certificate chain and a large post-quantum key need some dozens at 576 octets each. */
export const MAX_FRAGMENTS = 128;

/** Octets of inner payloads: what an unfragmented IKE message over UDP could carry at most. */
export const MAX_MESSAGE_LENGTH = 0xffff;

/** Where a message belongs: fragments with one of these make up one message. */
export interface FragmentKey {
  readonly isResponse: boolean;
  readonly messageId: number;
}

/** A message that is complete. */
export interface Reassembled {
  /** iana PayloadType of the first inner payload. */
  readonly firstInner: number;
  readonly plaintext: Uint8Array;
  /** Fragment 1: the datagram, and its octets before the body. */
  readonly datagram: Uint8Array;
  readonly aad: Uint8Array;
}

/** One fragment, authenticated. */
export interface AuthenticFragment {
  readonly skf: SkfPayload;
  readonly plaintext: Uint8Array;
  readonly datagram: Uint8Array;
  readonly aad: Uint8Array;
}

interface FragmentSet {
  readonly totalFragments: number;
  readonly parts: Map<number, Uint8Array>;
  length: number;
  first: Omit<Reassembled, "plaintext"> | undefined;
}

export class Reassembly {
  readonly #sets = new Map<string, FragmentSet>();

  /** Messages that wait for more. */
  get size(): number {
    return this.#sets.size;
  }

  /** Why a fragment is not worth decrypting; undefined if it is. */
  refusal(key: FragmentKey, { fragmentNumber, totalFragments }: SkfPayload): DropReason | undefined {
    if (totalFragments > MAX_FRAGMENTS) return "fragmentTooMany";
    const set = this.#sets.get(textOf(key));
    if (set === undefined || totalFragments > set.totalFragments) return undefined;
    if (totalFragments < set.totalFragments) return "fragmentOutdated";
    return set.parts.has(fragmentNumber) ? "fragmentRepeated" : undefined;
  }

  /** Takes a fragment for which there was no {@link refusal}. Gives the message when this was the last that was missing. Copies what it keeps. */
  add(key: FragmentKey, fragment: AuthenticFragment): Reassembled | DropReason | undefined {
    const { skf, plaintext } = fragment;
    const set = this.#setFor(key, skf.totalFragments);
    if (set.length + plaintext.length > MAX_MESSAGE_LENGTH) {
      this.forget(key);
      return "fragmentTooMany";
    }
    set.parts.set(skf.fragmentNumber, plaintext.slice());
    set.length += plaintext.length;
    if (skf.fragmentNumber === 1) {
      set.first = { firstInner: skf.firstInner, datagram: fragment.datagram.slice(), aad: fragment.aad.slice() };
    }
    if (set.first === undefined || set.parts.size < set.totalFragments) return undefined;
    this.forget(key);
    const inOrder = [...set.parts].sort(([a], [b]) => a - b).map(([, part]) => part);
    return { ...set.first, plaintext: concat(...inOrder) };
  }

  /** The message has come in another way, or is not waited for any more. */
  forget(key: FragmentKey): void {
    this.#sets.delete(textOf(key));
  }

  /** §2.6: the sender begins anew with smaller fragments, of which there are more; those that came before are of no use. */
  #setFor(key: FragmentKey, totalFragments: number): FragmentSet {
    const known = this.#sets.get(textOf(key));
    if (known?.totalFragments === totalFragments) return known;
    const set: FragmentSet = { totalFragments, parts: new Map(), length: 0, first: undefined };
    this.#sets.set(textOf(key), set);
    return set;
  }
}

const textOf = ({ isResponse, messageId }: FragmentKey): string => `${isResponse ? "response" : "request"} ${messageId}`;
