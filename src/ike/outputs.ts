/** The endpoint's outbox: what the last handle* call wants done, in the order in which it must be done. */
import type { IkeEvent, Output } from "./events.ts";
import type { SadbMessage, SocketAddress } from "../ipsec/sadb.ts";
import type { TimerQueue } from "./timers.ts";

export class Outputs {
  readonly #timers: TimerQueue;
  #queue: Output[] = [];
  /** Index of the next output to hand out: a shift() for each of thousands would be quadratic. */
  #head = 0;
  /** The timeout was handed out in this drain. */
  #toldTimeout = false;

  constructor(timers: TimerQueue) {
    this.#timers = timers;
  }

  transmit(local: SocketAddress, remote: SocketAddress, octets: Uint8Array, marker: boolean): void {
    this.#push({ kind: "transmit", local, remote, octets, marker });
  }

  keepalive(local: SocketAddress, remote: SocketAddress): void {
    this.#push({ kind: "keepalive", local, remote });
  }

  sadb(message: SadbMessage): void {
    this.#push({ kind: "sadb", message });
  }

  event(event: IkeEvent): void {
    this.#push({ kind: "event", event });
  }

  poll(): Output | undefined {
    const output = this.#queue[this.#head];
    if (output !== undefined) {
      this.#head++;
      return output;
    }
    this.#queue = [];
    this.#head = 0;
    const next = this.#toldTimeout ? undefined : this.#timers.next();
    this.#toldTimeout = next !== undefined;
    return next === undefined ? undefined : { kind: "timeout", at: next.at, reason: next.reason };
  }

  #push(output: Output): void {
    this.#queue.push(output);
    this.#toldTimeout = false;
  }
}
