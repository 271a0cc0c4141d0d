/** What a migrating sender sends, one record of fixed length after another, and what its receiver makes of them. */

/** Octets; fits a packet. */
export const RECORD_LENGTH = 1200;
/** Sequence number of a record that ends the series. */
export const LAST = 0xffffffff;

/** `sentAt`: nanoseconds of the machine's monotonic clock, which both ends read. */
export function encodeRecord(sequence: number, sentAt: bigint): Buffer {
  const record = Buffer.alloc(RECORD_LENGTH);
  record.writeUInt32BE(sequence, 0);
  record.writeBigUInt64BE(sentAt, 4);
  return record;
}

export interface Arrivals {
  /** Different records. */
  readonly received: number;
  /** That came after one with a higher number. */
  readonly reordered: number;
  /** Milliseconds on the way: half of the records took no longer, 99 of 100 took no longer, none took longer. */
  readonly delay: { readonly p50: number; readonly p99: number; readonly max: number };
}

export class ArrivalLog {
  readonly #seen = new Set<number>();
  readonly #delays: number[] = [];
  #highest = -1;
  #reordered = 0;

  /** False: it was the last one. */
  add(record: Buffer, now: bigint): boolean {
    const sequence = record.readUInt32BE(0);
    if (sequence === LAST) return false;
    if (this.#seen.has(sequence)) return true;
    this.#seen.add(sequence);
    this.#delays.push(Number(now - record.readBigUInt64BE(4)) / 1e6);
    if (sequence < this.#highest) this.#reordered++;
    else this.#highest = sequence;
    return true;
  }

  summary(): Arrivals {
    const sorted = this.#delays.sort((a, b) => a - b);
    const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
    return { received: this.#seen.size, reordered: this.#reordered, delay: { p50: at(0.5), p99: at(0.99), max: at(1) } };
  }
}
