/**
 * The functions of the C library that Hawser calls, each declared once. They behave as their manual pages say: a negative result means look at
 * `errno()`. Names are the C names, snake case and all, so that the manual page is the documentation.
 *
 * Pointers are declared `void *` and given either as a Number, the absolute address of octets in a shared WebAssembly.Memory (whose base never
 * moves; see {@link addressOf}), or as a view over octets that live at least as long as the call. A Number costs 45 ns per call, where a
 * `uintptr_t` parameter costs 54 and a BigInt 58: koffi converts it without asking what it is. Addresses have 47 bits: a Number holds them exactly.
 * Results are declared `int` where the value fits, which spares a check for BigInt.
 */
import koffi from "koffi";

export { EAGAIN, EINTR, EMSGSIZE, ENOBUFS, errno, errnoName } from "./errno.ts";
export { SystemCallError } from "./system-call-error.ts";

/** An absolute address, or octets of our own. */
export type Pointer = number | Uint8Array;

/** null: what the process itself has loaded, so that it is right for glibc and musl alike. */
const libc = koffi.load(null);

// ---- files and devices ----

export const open = libc.func("int open(const char *path, int flags)") as (path: string, flags: number) => number;
export const close = libc.func("int close(int fd)") as (fd: number) => number;
export const read = libc.func("int read(int fd, void *to, size_t octets)") as (fd: number, to: Pointer, octets: number) => number;
export const write = libc.func("int write(int fd, void *from, size_t octets)") as (fd: number, from: Pointer, octets: number) => number;
export const writev = libc.func("int writev(int fd, void *iovecs, int count)") as (fd: number, iovecs: Pointer, count: number) => number;
export const ioctl = libc.func("int ioctl(int fd, ulong request, void *argument)") as (
  fd: number,
  request: number,
  argument: Pointer,
) => number;

// ---- sockets ----

export const socket = libc.func("int socket(int domain, int type, int protocol)") as (
  domain: number,
  type: number,
  protocol: number,
) => number;
export const bind = libc.func("int bind(int fd, void *address, uint length)") as (fd: number, address: Pointer, length: number) => number;
export const connect = libc.func("int connect(int fd, void *address, uint length)") as (
  fd: number,
  address: Pointer,
  length: number,
) => number;
export const setsockopt = libc.func("int setsockopt(int fd, int level, int option, void *value, uint length)") as (
  fd: number,
  level: number,
  option: number,
  value: Pointer,
  length: number,
) => number;
/** `length` is a value-result argument of 4 octets. */
export const getsockopt = libc.func("int getsockopt(int fd, int level, int option, void *value, void *length)") as (
  fd: number,
  level: number,
  option: number,
  value: Pointer,
  length: Pointer,
) => number;
export const getsockname = libc.func("int getsockname(int fd, void *address, void *length)") as (
  fd: number,
  address: Pointer,
  length: Pointer,
) => number;
export const sendmmsg = libc.func("int sendmmsg(int fd, void *messages, uint count, int flags)") as (
  fd: number,
  messages: Pointer,
  count: number,
  flags: number,
) => number;
const recvmmsgWithTimeout = libc.func("int recvmmsg(int fd, void *messages, uint count, int flags, void *timeout)") as (
  fd: number,
  messages: Pointer,
  count: number,
  flags: number,
  timeout: Pointer,
) => number;
/** Without its timeout, which does not do what one expects (recvmmsg(2), BUGS): use non-blocking sockets and poll. */
export const recvmmsg = (fd: number, messages: Pointer, count: number, flags: number): number =>
  recvmmsgWithTimeout(fd, messages, count, flags, 0);
// ---- waiting ----

/** `timeout` in milliseconds, -1 = for ever. Blocks this thread. */
export const poll = libc.func("int poll(void *pollfds, ulong count, int timeout)") as (
  pollfds: Pointer,
  count: number,
  timeout: number,
) => number;
export const eventfd = libc.func("int eventfd(uint initial, int flags)") as (initial: number, flags: number) => number;

// ---- threads and memory ----

/** `pid` 0 = the calling thread. */
export const sched_setaffinity = libc.func("int sched_setaffinity(int pid, size_t octets, void *mask)") as (
  pid: number,
  octets: number,
  mask: Pointer,
) => number;
export const sched_getaffinity = libc.func("int sched_getaffinity(int pid, size_t octets, void *mask)") as (
  pid: number,
  octets: number,
  mask: Pointer,
) => number;
export const setns = libc.func("int setns(int fd, int kind)") as (fd: number, kind: number) => number;
export const unshare = libc.func("int unshare(int flags)") as (flags: number) => number;
export const mlock = libc.func("int mlock(void *address, size_t octets)") as (address: number, octets: number) => number;
export const madvise = libc.func("int madvise(void *address, size_t octets, int advice)") as (
  address: number,
  octets: number,
  advice: number,
) => number;
export const memcpy = libc.func("void memcpy(void *to, void *from, size_t octets)") as (to: number, from: number, octets: number) => void;

/** syscall(2) for what the C library has no wrapper for: bpf(2). */
export const syscall3 = libc.func("int syscall(long number, long first, void *second, long third)") as (
  number: number,
  first: number,
  second: Pointer,
  third: number,
) => number;

/** The address of the first octet of a shared memory, or of an array buffer that outlives its use. Neither is ever moved. */
export function addressOf(buffer: ArrayBufferLike): number {
  return Number(koffi.address(new Uint8Array(buffer)));
}
