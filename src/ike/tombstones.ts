/**
 * Last answers of IKE SAs that are gone. When the answer to a Delete is lost, the peer repeats its request to an IKE SA whose keys are wiped:
 * the same octets get the same answer for a while, so that the peer need not wait for its retransmissions to run out.
 */
import type { IkeSpi } from "../wire/ike-header.ts";
import { equalOctets } from "../wire/octets.ts";
import type { LastAnswer } from "./answer.ts";

/** Milliseconds; longer than most peers retransmit. */
const LIFETIME = 60_000;
const CAPACITY = 1000;

interface Tombstone extends LastAnswer {
  readonly until: number;
}

export class Tombstones {
  /** In the order of their making, which is that of their end. */
  readonly #stones = new Map<IkeSpi, Tombstone>();

  add(ownSpi: IkeSpi, last: LastAnswer, now: number): void {
    // A copy: the request is a view of a datagram.
    this.#stones.set(ownSpi, { request: last.request.slice(), response: last.response, until: now + LIFETIME });
    for (const [spi, { until }] of this.#stones) {
      if (until > now && this.#stones.size <= CAPACITY) break;
      this.#stones.delete(spi);
    }
  }

  clear(): void {
    this.#stones.clear();
  }

  /** The answer to the very same request; to its first fragment, if it was fragmented (RFC 7383 §2.6.1). */
  answerTo(ownSpi: IkeSpi, request: Uint8Array, now: number): readonly Uint8Array[] | undefined {
    const stone = this.#stones.get(ownSpi);
    return stone !== undefined && stone.until > now && equalOctets(stone.request, request) ? stone.response : undefined;
  }

  has(ownSpi: IkeSpi, now: number): boolean {
    return (this.#stones.get(ownSpi)?.until ?? 0) > now;
  }
}
