/** Waking a thread that sleeps in poll(2): an eventfd(2) that any thread of the process may signal. */
import { close, errno, eventfd, read, SystemCallError, write } from "./libc.ts";

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

/** Adding to the counter is what signals; its value does not matter, so one set of octets serves every thread's calls. */
const ONE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
const drained = new Uint8Array(8);

/** A descriptor to poll for input. The caller closes it with {@link closeWake}. */
export function createWake(): number {
  const fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw new SystemCallError("eventfd", errno(), "make a wake-up descriptor");
  return fd;
}

/** Makes `fd` readable until it is drained; once is as good as often. It cannot fail on a descriptor that is open: a full counter is readable. */
export function signalWake(fd: number): void {
  write(fd, ONE, 8);
}

/** Makes `fd` wait for the next signal. */
export function drainWake(fd: number): void {
  read(fd, drained, 8);
}

export function closeWake(fd: number): void {
  close(fd);
}
