/** What the endpoint counts. Every message that is dropped without an answer has a reason with a name. */

export const DROP_REASONS = {
  malformed: "not an IKEv2 message",
  version: "another major version of IKE",
  unknownSpi: "for an IKE SA that does not exist",
  unknownResponse: "an answer to nothing that was asked",
  noConnection: "no connection is configured for these addresses",
  halfOpenLimit: "too many IKE SAs that are not authenticated yet",
  perSourceLimit: "too many IKE SAs from one address or IPv6 /64 that are not authenticated yet",
  integrity: "the integrity check failed",
  unprotected: "not protected where it must be",
  outsideWindow: "a message ID outside the window",
  wrongExchange: "an exchange that has no place in this state",
  malformedInside: "malformed under protection",
  fragmentUnwelcome: "a fragment, though fragmentation was not agreed on",
  fragmentRepeated: "a fragment that is here already, or of a request that is answered already",
  fragmentOutdated: "a fragment of a set that smaller fragments have replaced",
  fragmentTooMany: "a fragment of a message larger than any is allowed to be",
  answerRefused: "an answer that cannot be used",
  rateLimited: "an answer would have exceeded the rate limit",
  internal: "our own mistake while the message was handled",
} as const;

export type DropReason = keyof typeof DROP_REASONS;

export class Counters {
  messagesIn = 0;
  messagesOut = 0;
  retransmitsIn = 0;
  retransmitsOut = 0;
  cookiesSent = 0;
  /** Authenticated fragments received, and fragments sent, repetitions included (RFC 7383). */
  fragmentsIn = 0;
  fragmentsOut = 0;
  readonly drops = new Map<DropReason, number>();

  drop(reason: DropReason): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}
