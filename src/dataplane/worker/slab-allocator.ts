/** Fixed-size blocks out of one region of packet memory, by size class: SAs come and go for months without the region fragmenting. */
export class SlabAllocator {
  #cursor: number;
  readonly #end: number;
  readonly #free = new Map<number, number[]>();

  constructor(start: number, size: number) {
    this.#cursor = start;
    this.#end = start + size;
  }

  /** Address of a 64-octet aligned block of at least `octets`; undefined when the region is used up. The block holds old octets. */
  allocate(octets: number): number | undefined {
    const size = sizeClass(octets);
    const reused = this.#free.get(size)?.pop();
    if (reused !== undefined) return reused;
    if (this.#cursor + size > this.#end) return undefined;
    const at = this.#cursor;
    this.#cursor += size;
    return at;
  }

  release(address: number, octets: number): void {
    const size = sizeClass(octets);
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [address]);
    else list.push(address);
  }
}

/** Multiples of 64 up to 1 KiB, then powers of two. */
function sizeClass(octets: number): number {
  const rounded = Math.max(64, Math.ceil(octets / 64) * 64);
  if (rounded <= 1024) return rounded;
  return 2 ** Math.ceil(Math.log2(rounded));
}
