/** Which of our answers may still be on their way, and what they have made: the peer does not have that yet. */
import type { Timer, TimerQueue } from "./timers.ts";

interface Delivery<Made> {
  readonly messageId: number;
  readonly made: Made;
  /** When the answer was sent, for the last time. */
  sentAt: number;
}

/** So long after the last repetition of its request an answer is taken to have arrived, in milliseconds. */
const PATIENCE = 10_000;

export class Deliveries<Made> {
  readonly #timers: TimerQueue;
  readonly #delivered: (made: Made, now: number) => void;
  #pending: Delivery<Made>[] = [];
  #timer: Timer | undefined;

  constructor(timers: TimerQueue, delivered: (made: Made, now: number) => void) {
    this.#timers = timers;
    this.#delivered = delivered;
  }

  add(messageId: number, made: Made, now: number): void {
    this.#pending.push({ messageId, made, sentAt: now });
    this.#watch(now);
  }

  /** The request came once more: its answer had not arrived. */
  repeated(messageId: number, now: number): void {
    for (const delivery of this.#pending) if (delivery.messageId === messageId) delivery.sentAt = now;
  }

  /** The answers below this message ID have arrived. */
  deliverBelow(messageId: number, now: number): void {
    this.#deliver((delivery) => delivery.messageId < messageId, now);
  }

  /** Waits no more; gives back what is pending. */
  stop(): Made[] {
    this.#timer?.cancel();
    this.#timer = undefined;
    return this.#take(() => true);
  }

  /** One timer for all: it finds a delivery up to twice the patience after its last answer. */
  #watch(now: number): void {
    if (this.#pending.length === 0) return;
    this.#timer ??= this.#timers.schedule(now + PATIENCE, "grace", (at) => {
      this.#timer = undefined;
      this.#deliver(({ sentAt }) => sentAt + PATIENCE <= at, at);
      this.#watch(at);
    });
  }

  #deliver(isDelivered: (delivery: Delivery<Made>) => boolean, now: number): void {
    for (const made of this.#take(isDelivered)) this.#delivered(made, now);
  }

  #take(isTaken: (delivery: Delivery<Made>) => boolean): Made[] {
    const taken = this.#pending.filter(isTaken);
    if (taken.length > 0) this.#pending = this.#pending.filter((delivery) => !taken.includes(delivery));
    return taken.map(({ made }) => made);
  }
}
