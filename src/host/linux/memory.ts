/** Keeping key material where it belongs: in memory, and only there. */
import { addressOf, madvise, mlock } from "./libc.ts";

const MADV_DONTDUMP = 16;
const PAGE = 4096;

/**
 * Asks the kernel not to write a part of packet memory to swap (mlock(2)) or into a core dump (madvise(2)).
 *
 * @param offset of the part in `buffer`, rounded down to a page
 * @param size in octets, rounded up
 * @returns what it granted; locking has a limit (RLIMIT_MEMLOCK) for those without CAP_IPC_LOCK
 */
export function guardSecrets(buffer: SharedArrayBuffer, offset: number, size: number): { locked: boolean; undumped: boolean } {
  const start = addressOf(buffer) + Math.floor(offset / PAGE) * PAGE;
  const octets = Math.ceil((offset + size) / PAGE) * PAGE - Math.floor(offset / PAGE) * PAGE;
  return { locked: mlock(start, octets) === 0, undumped: madvise(start, octets, MADV_DONTDUMP) === 0 };
}
