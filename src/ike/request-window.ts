/**
 * The receiving half of message IDs (RFC 7296 §2.2, §2.3): which of the peer's requests are new, which are repetitions that get the same
 * octets again, and which are to be ignored.
 */

export type RequestVerdict =
  | { readonly kind: "new" }
  /** Seen before and answered: send these datagrams again. */
  | { readonly kind: "repeated"; readonly response: readonly Uint8Array[] }
  /** Answered so long ago that the peer must have the answer, or not allowed yet by the window. Not to be answered. */
  | { readonly kind: "outside" };

export class RequestWindow {
  readonly #size: number;
  readonly #first: number;
  /** The lowest message ID that was not received yet. */
  #next: number;
  readonly #answers = new Map<number, readonly Uint8Array[]>();

  /** `size`: how many requests the peer may have outstanding, at most. `first`: the ID of its first request. */
  constructor(size: number, first: number) {
    this.#size = size;
    this.#first = first;
    this.#next = first;
  }

  /** The lowest message ID that was not received yet. */
  get next(): number {
    return this.#next;
  }

  classify(messageId: number): RequestVerdict {
    const response = this.#answers.get(messageId);
    if (response !== undefined) return { kind: "repeated", response };
    return messageId >= this.#next && messageId < this.#next + this.#size ? { kind: "new" } : { kind: "outside" };
  }

  /** Every new request must end here. Answers are kept as long as the peer could still repeat their requests. */
  answered(messageId: number, response: readonly Uint8Array[]): void {
    this.#answers.set(messageId, response);
    while (this.#answers.has(this.#next)) this.#next++;
    for (const old of this.#answers.keys()) {
      if (old < this.#next - this.#size) this.#answers.delete(old);
    }
  }

  /**
   * The IDs below this one have answers that reached the peer, if `messageId` is a request of its: with a window of n it can only be n - 1
   * beyond the oldest that it still waits for. The window is one until the first answer has told the peer otherwise.
   */
  deliveredBefore(messageId: number): number {
    return Math.max(messageId - this.#size + 1, Math.min(messageId, this.#first + 1));
  }
}
