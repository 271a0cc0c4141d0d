/**
 * Our own requests on one IKE SA (RFC 7296 §2.1–§2.3): message IDs, the peer's window, retransmission, and the queue of what waits for room.
 * What the requests mean is the exchanges' business (exchanges/).
 */
import type { Payload } from "../wire/payload.ts";
import { BrokenInvariant } from "./errors.ts";
import { LAST_MESSAGE_ID } from "./message-ids.ts";
import { Retransmission, type RetransmissionPorts } from "./retransmission.ts";

/** Why an exchange will get no answer: the IKE SA is gone in one of these ways. */
export type Abandoned = "peer unreachable" | "IKE SA deleted" | "IKE SA rekeyed";

/** One exchange of which we are the initiator. `Host` is the IKE SA that it runs on: another than at first if it had to wait through a rekey. */
export interface Exchange<Host> {
  /** iana ExchangeType. */
  readonly exchangeType: number;
  /** For logs: "CREATE_CHILD_SA rekey c0ffee01". */
  readonly name: string;
  /**
   * alone: begins when nothing is outstanding, and nothing begins beside it (an IKE SA is rekeyed: §2.25.2 forbids the peer to accept anything
   * else meanwhile). next: goes on with what an exchange has begun, before all that waits, and alone if that was. first: goes before what is
   * queued (Deletes, liveness). normal: in order.
   */
  readonly order: "alone" | "next" | "first" | "normal";
  /** What it creates, rekeys or closes: decides what the peer may not do meanwhile (RFC 7296 §2.25). */
  readonly concerns: "child" | "ike" | "nothing";
  /** False: it must wait for something else than its turn; {@link Exchanger.pump} looks again. Absent: ready. */
  isReady?(): boolean;
  /** The payloads of the request; undefined when it has become pointless while it waited. */
  begin(host: Host, now: number): readonly Payload[] | undefined;
  /** Throws PeerMisbehaved or MalformedMessage for an answer with which the IKE SA cannot go on. */
  handleResponse(host: Host, payloads: readonly Payload[], now: number): void;
  abandon(host: Host, why: Abandoned, now: number): void;
}

export interface ExchangerPorts<Host> extends Omit<RetransmissionPorts, "send" | "giveUp"> {
  /** Builds and protects a request: one datagram, or its fragments. */
  readonly seal: (exchangeType: number, messageId: number, payloads: readonly Payload[]) => readonly Uint8Array[];
  readonly send: (datagrams: readonly Uint8Array[], exchange: Exchange<Host>, messageId: number, attempt: number, now: number) => void;
  /** Whether something keeps this exchange from beginning, for now; {@link Exchanger.pump} looks again. */
  readonly isHeld?: (exchange: Exchange<Host>) => boolean;
  /** A request with this ID has been sent. */
  readonly used?: (messageId: number, now: number) => void;
  /** The last retransmission went unanswered. */
  readonly peerUnreachable: (exchange: Exchange<Host>, now: number) => void;
}

interface Outstanding<Host> {
  readonly exchange: Exchange<Host>;
  readonly retransmission: Retransmission;
}

export class Exchanger<Host> {
  readonly #host: Host;
  readonly #ports: ExchangerPorts<Host>;
  readonly #outstanding = new Map<number, Outstanding<Host>>();
  #queue: Exchange<Host>[] = [];
  #nextMessageId: number;
  /** Of requests that the peer lets us have outstanding: 1 until it says more (RFC 7296 §2.3). */
  #window = 1;
  #isStopped = false;
  /** Set while begin() runs: what is enqueued from there waits for its turn. */
  #isPumping = false;

  constructor(host: Host, ports: ExchangerPorts<Host>, firstMessageId: number) {
    this.#host = host;
    this.#ports = ports;
    this.#nextMessageId = firstMessageId;
  }

  get window(): number {
    return this.#window;
  }

  get outstanding(): readonly Exchange<Host>[] {
    return [...this.#outstanding.values()].map(({ exchange }) => exchange);
  }

  get queued(): readonly Exchange<Host>[] {
    return this.#queue;
  }

  get isIdle(): boolean {
    return this.#outstanding.size === 0;
  }

  /** SET_WINDOW_SIZE came from the peer. A window never shrinks below what is outstanding, since those requests are already sent. */
  setWindow(size: number, now: number): void {
    this.#window = Math.max(1, size);
    this.pump(now);
  }

  enqueue(exchange: Exchange<Host>, now: number): void {
    if (this.#isStopped) throw new BrokenInvariant(`${exchange.name} on an IKE SA that takes no more requests`);
    if (exchange.order === "next") {
      this.#queue.unshift(exchange);
    } else if (exchange.order === "first") {
      const at = this.#queue.findIndex(({ order }) => order !== "first" && order !== "next");
      this.#queue.splice(at < 0 ? this.#queue.length : at, 0, exchange);
    } else {
      this.#queue.push(exchange);
    }
    this.pump(now);
  }

  /** Takes one exchange out of the queue, if it has not begun; says whether it did. */
  withdraw(exchange: Exchange<Host>): boolean {
    const at = this.#queue.indexOf(exchange);
    if (at >= 0) this.#queue.splice(at, 1);
    return at >= 0;
  }

  /** The exchange that waits for an answer to `messageId`; none for the duplicate of an answer that came. */
  exchangeOf(messageId: number): Exchange<Host> | undefined {
    return this.#outstanding.get(messageId)?.exchange;
  }

  /** An authenticated response. What the exchange throws about it is thrown on; the exchange is over all the same. */
  handleResponse(messageId: number, payloads: readonly Payload[], now: number): void {
    const outstanding = this.#outstanding.get(messageId);
    if (outstanding === undefined) return;
    outstanding.retransmission.stop();
    this.#outstanding.delete(messageId);
    try {
      outstanding.exchange.handleResponse(this.#host, payloads, now);
    } finally {
      this.pump(now);
    }
  }

  /** Begins what may begin. To be called when something has become ready. */
  pump(now: number): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      for (let exchange = this.#next(); exchange !== undefined; exchange = this.#next()) {
        this.withdraw(exchange);
        const payloads = exchange.begin(this.#host, now);
        if (payloads !== undefined) this.#send(exchange, payloads, now);
      }
    } finally {
      this.#isPumping = false;
    }
  }

  /** Sends all that is not answered once more, since the addresses have changed. The octets stay the same (§2.1). */
  repeatOutstanding(now: number): void {
    for (const { retransmission } of this.#outstanding.values()) retransmission.repeat(now);
  }

  /** Gives what has not begun to the IKE SA that follows this one. */
  takeQueue(): Exchange<Host>[] {
    const queue = this.#queue;
    this.#queue = [];
    return queue;
  }

  /** Nothing more is sent; what is outstanding or queued is told so. */
  stop(why: Abandoned, now: number): void {
    this.#isStopped = true;
    const exchanges = [...this.outstanding, ...this.takeQueue()];
    for (const { retransmission } of this.#outstanding.values()) retransmission.stop();
    this.#outstanding.clear();
    for (const exchange of exchanges) exchange.abandon(this.#host, why, now);
  }

  /** The first that is ready, if there is room for it. */
  #next(): Exchange<Host> | undefined {
    const exchange = this.#isStopped
      ? undefined
      : this.#queue.find((each) => (each.isReady?.() ?? true) && !(this.#ports.isHeld?.(each) ?? false));
    return exchange !== undefined && this.#hasRoomFor(exchange) ? exchange : undefined;
  }

  #hasRoomFor(exchange: Exchange<Host>): boolean {
    if (this.#outstanding.size === 0) return true;
    if (isAlone(exchange) || this.outstanding.some(isAlone)) return false;
    // §2.3: an ID may be sent only if it is below the oldest unanswered one plus the window.
    const oldest = Math.min(...this.#outstanding.keys());
    return this.#nextMessageId < oldest + this.#window;
  }

  #send(exchange: Exchange<Host>, payloads: readonly Payload[], now: number): void {
    const messageId = this.#nextMessageId;
    if (messageId > LAST_MESSAGE_ID) throw new BrokenInvariant("message IDs of an IKE SA are used up");
    this.#nextMessageId++;
    const datagrams = this.#ports.seal(exchange.exchangeType, messageId, payloads);
    const ports: RetransmissionPorts = {
      timers: this.#ports.timers,
      config: this.#ports.config,
      random: this.#ports.random,
      send: (repeat, attempt, at) => this.#ports.send(repeat, exchange, messageId, attempt, at),
      giveUp: (at) => this.#ports.peerUnreachable(exchange, at),
    };
    this.#outstanding.set(messageId, { exchange, retransmission: new Retransmission(datagrams, ports, now) });
    this.#ports.used?.(messageId, now);
  }
}

/** Nothing may be outstanding beside it. */
const isAlone = ({ order, concerns }: Exchange<never>): boolean => order === "alone" || (order === "next" && concerns === "ike");
