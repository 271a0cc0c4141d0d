/** Token buckets for what messages that prove nothing about their sender make us do. */
import { sourceNetwork } from "./source-network.ts";

export interface Rate {
  readonly perSecond: number;
  /** At once. */
  readonly burst: number;
}

export class RateLimit {
  readonly #rate: Rate;
  #tokens: number;
  #since: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#since = now;
  }

  /** Takes one token if there is one. */
  allows(now: number): boolean {
    const { perSecond, burst } = this.#rate;
    const earned = (Math.max(0, now - this.#since) / 1000) * perSecond;
    this.#tokens = Math.min(burst, this.#tokens + earned);
    this.#since = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** Sources that are remembered; addresses can be forged, so they must not be kept without end. */
const MAX_SOURCES = 1024;

/** One bucket for each source network. A source that others have crowded out begins anew: what all may together is for another limit. */
export class SourceRateLimit {
  readonly #rate: Rate;
  /** The longest unheard of first. */
  readonly #sources = new Map<string, RateLimit>();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  allows(address: string, now: number): boolean {
    const network = sourceNetwork(address);
    const limit = this.#sources.get(network) ?? new RateLimit(this.#rate, now);
    this.#sources.delete(network);
    this.#sources.set(network, limit);
    const [oldest] = this.#sources.keys();
    if (this.#sources.size > MAX_SOURCES && oldest !== undefined) this.#sources.delete(oldest);
    return limit.allows(now);
  }
}
