/**
 * Two hosts joined by an IKE SA that loses, repeats and reorders messages. As in IKE, each request is answered once, whatever happens to it on the
 * way: it is sent again until it is answered, and a repeated one gets the stored answer (RFC 7296 §2.1).
 */
import { Host, type HostOptions, type Request, type Response } from "./host.ts";

interface Exchange {
  readonly from: Host;
  readonly to: Host;
  readonly request: Request;
  readonly done: (response: Response) => void;
  answer: { readonly response: Response; readonly confirm: () => void } | undefined;
  isDone: boolean;
}

/** A message on its way. */
interface Message {
  readonly exchange: Exchange;
  readonly isResponse: boolean;
}

export class Pair {
  readonly left: Host;
  readonly right: Host;
  readonly #wire: Message[] = [];
  readonly #open = new Set<Exchange>();
  now = 0;

  constructor(left: HostOptions, right: HostOptions) {
    this.left = new Host("left", 1, left, (request, done) => this.#begin(this.left, this.right, request, done));
    this.right = new Host("right", 1001, right, (request, done) => this.#begin(this.right, this.left, request, done));
  }

  get hosts(): readonly Host[] {
    return [this.left, this.right];
  }

  get inFlight(): number {
    return this.#wire.length;
  }

  /** Exchanges that have no answer yet at the end that asked. */
  get open(): number {
    return this.#open.size;
  }

  /** Delivers the message at this place of the wire; `again`: and leaves a copy of it there. */
  deliver(index: number, again = false): void {
    const message = this.#wire[index];
    if (message === undefined) return;
    if (!again) this.#wire.splice(index, 1);
    const { exchange, isResponse } = message;
    if (!isResponse) {
      exchange.answer ??= exchange.to.answer(exchange.request);
      this.#wire.push({ exchange, isResponse: true });
    } else if (!exchange.isDone && exchange.answer !== undefined) {
      exchange.isDone = true;
      this.#open.delete(exchange);
      exchange.done(exchange.answer.response);
      exchange.answer.confirm();
    }
  }

  lose(index: number): void {
    this.#wire.splice(index, 1);
  }

  /** Whatever is unanswered and not on its way is sent again. */
  retransmit(): void {
    const onTheWay = new Set(this.#wire.map(({ exchange }) => exchange));
    for (const exchange of this.#open) if (!onTheWay.has(exchange)) this.#wire.push({ exchange, isResponse: false });
  }

  /** Delivers everything, in order, until nothing is open and the workers have applied what they were sent. */
  run(): void {
    for (let steps = 0; this.#open.size > 0 || this.#wire.length > 0; steps++) {
      if (steps > 1_000_000) throw new Error("the two ends go on for ever");
      if (this.#wire.length === 0) this.retransmit();
      this.deliver(0);
    }
    for (const host of this.hosts) host.entries.applyAll();
  }

  advance(milliseconds: number): void {
    this.now += milliseconds;
    for (const host of this.hosts) host.advanceTo(this.now);
  }

  /** The IKE SA is gone, at both ends at once, with all that was on its way. */
  loseIkeSa(): void {
    this.#wire.length = 0;
    this.#open.clear();
    for (const host of this.hosts) {
      host.sas.clear();
      host.handle({ kind: "ikeSaGone" });
    }
  }

  #begin(from: Host, to: Host, request: Request, done: (response: Response) => void): void {
    const exchange: Exchange = { from, to, request, done, answer: undefined, isDone: false };
    this.#open.add(exchange);
    this.#wire.push({ exchange, isResponse: false });
  }
}
