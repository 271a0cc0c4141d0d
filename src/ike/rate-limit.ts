/** A token bucket for answers to messages that prove nothing about their sender. */

export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #since: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#since = now;
  }

  /** Takes one token if there is one. */
  allows(now: number): boolean {
    const earned = (Math.max(0, now - this.#since) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    this.#since = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
