/** Sending one request again and again until it is answered (RFC 7296 §2.1, §2.4): the same octets, ever more slowly, then no more. */
import type { RetransmitConfig } from "./config.ts";
import type { Timer, TimerQueue } from "./timers.ts";

export interface RetransmissionPorts {
  readonly timers: TimerQueue;
  readonly config: RetransmitConfig;
  /** 0 <= x < 1, drawn from the endpoint's entropy. */
  readonly random: () => number;
  /** `attempt` is 0 for the first transmission. */
  readonly send: (datagrams: readonly Uint8Array[], attempt: number, now: number) => void;
  readonly giveUp: (now: number) => void;
}

export class Retransmission {
  readonly #ports: RetransmissionPorts;
  readonly #datagrams: readonly Uint8Array[];
  #attempt = 0;
  #timer: Timer | undefined;

  /** Sends at once. `datagrams`: the request, whole or in fragments, which all are sent again (RFC 7383 §2.6.1). */
  constructor(datagrams: readonly Uint8Array[], ports: RetransmissionPorts, now: number) {
    this.#datagrams = datagrams;
    this.#ports = ports;
    this.#transmit(now);
  }

  /** The answer came, or nobody waits for it any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Once more at once, with all its patience: the way to the peer is another one now. */
  repeat(now: number): void {
    this.stop();
    this.#attempt = 0;
    this.#transmit(now);
  }

  #transmit(now: number): void {
    const { timers, config, random, send } = this.#ports;
    send(this.#datagrams, this.#attempt, now);
    const wait = config.timeout * config.base ** this.#attempt;
    this.#timer = timers.schedule(now + wait * (1 - config.jitter * random()), "retransmit", (later) => this.#unanswered(later));
  }

  #unanswered(now: number): void {
    if (this.#attempt >= this.#ports.config.tries) {
      this.#timer = undefined;
      this.#ports.giveUp(now);
      return;
    }
    this.#attempt++;
    this.#transmit(now);
  }
}
