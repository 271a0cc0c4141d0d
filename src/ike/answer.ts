/** The peer's requests and our answers to them, between an IKE SA and its exchanges. */
import type { Payload } from "../wire/payload.ts";
import type { TransportAddresses } from "./addresses.ts";

/** A request of the peer, decrypted, not repeated, and without unknown critical payloads. */
export interface Request {
  readonly exchangeType: number;
  readonly messageId: number;
  readonly payloads: readonly Payload[];
  /** Where it came to, and from where. */
  readonly path: TransportAddresses;
}

export interface Answer {
  readonly payloads: readonly Payload[];
  /** Done when the response is on its way: what must not happen before. */
  readonly then?: (now: number) => void;
}

/** The last request that was answered, and its answer: enough to answer it once more after the keys are gone. */
export interface LastAnswer {
  /** The datagram, or that of fragment 1. */
  readonly request: Uint8Array;
  readonly response: readonly Uint8Array[];
}
