/** Which of our answers may still be on their way, and what was made by them: the peer does not have that yet. */

interface Delivery<Made> {
  readonly messageId: number;
  readonly made: Made;
  /** When the answer was sent, for the last time. */
  sentAt: number;
}

export class Deliveries<Made> {
  #pending: Delivery<Made>[] = [];

  add(messageId: number, made: Made, now: number): void {
    this.#pending.push({ messageId, made, sentAt: now });
  }

  /** The request came once more: its answer had not arrived. */
  repeated(messageId: number, now: number): void {
    for (const delivery of this.#pending) if (delivery.messageId === messageId) delivery.sentAt = now;
  }

  /** What the answers below this message ID have made. */
  takeBelow(messageId: number): Made[] {
    return this.#take((delivery) => delivery.messageId < messageId);
  }

  /** What was answered before `instant`, and has not been asked for again since. */
  takeSentBefore(instant: number): Made[] {
    return this.#take(({ sentAt }) => sentAt < instant);
  }

  takeAll(): Made[] {
    return this.#take(() => true);
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  #take(isTaken: (delivery: Delivery<Made>) => boolean): Made[] {
    const taken = this.#pending.filter(isTaken);
    if (taken.length > 0) this.#pending = this.#pending.filter((delivery) => !isTaken(delivery));
    return taken.map(({ made }) => made);
  }
}
