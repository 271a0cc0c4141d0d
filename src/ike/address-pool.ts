/**
 * A pool of virtual addresses (RFC 7296 §2.19): which are given out, and to whom. Who comes again gets the address that it had, as far as memory
 * and demand allow. Memory grows with the addresses in use and with {@link REMEMBERED}, never with the pool.
 */

/** Owners whose last address is kept for them while they are away. */
export const REMEMBERED = 4096;

export class AddressPool {
  readonly first: bigint;
  readonly last: bigint;
  readonly #rememberAtMost: number;
  /** By address: whose it is. */
  readonly #inUse = new Map<bigint, string>();
  /** By owner: what it had last, the longest away first. No address here is in use. */
  readonly #remembered = new Map<string, bigint>();
  /** The same by address. */
  readonly #keptFor = new Map<bigint, string>();
  #next: bigint;

  /** Both ends belong to it. */
  constructor(first: bigint, last: bigint, rememberAtMost = REMEMBERED) {
    this.first = first;
    this.last = last;
    this.#rememberAtMost = rememberAtMost;
    this.#next = first;
  }

  get size(): bigint {
    return this.last - this.first + 1n;
  }

  get inUse(): number {
    return this.#inUse.size;
  }

  /** Free, and kept for their last owners. */
  get remembered(): number {
    return this.#remembered.size;
  }

  /**
   * What `owner` had last, else what it wishes for, if nobody else has or had that, else one that nobody had lately, else the one whose owner is
   * away the longest. Undefined: all are in use.
   */
  take(owner: string, wish?: bigint): bigint | undefined {
    const address = this.#remembered.get(owner) ?? this.#wished(wish) ?? this.#fresh() ?? this.#longestAway();
    if (address === undefined) return undefined;
    this.#forget(address);
    this.#inUse.set(address, owner);
    return address;
  }

  /** Its owner does not use it any more. What is not in use is not given back twice. */
  giveBack(address: bigint): void {
    const owner = this.#inUse.get(address);
    if (owner === undefined) return;
    this.#inUse.delete(address);
    // Of several that it had, the last one.
    const older = this.#remembered.get(owner);
    if (older !== undefined) this.#forget(older);
    this.#remembered.set(owner, address);
    this.#keptFor.set(address, owner);
    if (this.#remembered.size <= this.#rememberAtMost) return;
    const longestAway = this.#longestAway();
    if (longestAway !== undefined) this.#forget(longestAway);
  }

  #wished(wish: bigint | undefined): bigint | undefined {
    return wish !== undefined && this.first <= wish && wish <= this.last && this.#isFresh(wish) ? wish : undefined;
  }

  /** Onwards from where the last one was found: at most as many steps as addresses are taken, and few as long as few are. */
  #fresh(): bigint | undefined {
    if (this.size <= BigInt(this.#inUse.size + this.#remembered.size)) return undefined;
    while (!this.#isFresh(this.#next)) this.#advance();
    const address = this.#next;
    this.#advance();
    return address;
  }

  #advance(): void {
    this.#next = this.#next === this.last ? this.first : this.#next + 1n;
  }

  #isFresh(address: bigint): boolean {
    return !this.#inUse.has(address) && !this.#keptFor.has(address);
  }

  #longestAway(): bigint | undefined {
    return this.#remembered.values().next().value;
  }

  #forget(address: bigint): void {
    const owner = this.#keptFor.get(address);
    if (owner === undefined) return;
    this.#keptFor.delete(address);
    this.#remembered.delete(owner);
  }
}
