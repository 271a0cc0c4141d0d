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
const self = koffi.load(null);

function declare<Signature>(name: string, result: string, parameters: readonly string[]): Signature {
  return self.func(name, result, [...parameters]) as Signature;
}

// ---- files and devices ----

export const open = declare<(path: string, flags: number) => number>("open", "int", ["str", "int"]);
export const close = declare<(fd: number) => number>("close", "int", ["int"]);
export const read = declare<(fd: number, to: Pointer, octets: number) => number>("read", "int", ["int", "void *", "size_t"]);
export const write = declare<(fd: number, from: Pointer, octets: number) => number>("write", "int", ["int", "void *", "size_t"]);
export const writev = declare<(fd: number, iovecs: Pointer, count: number) => number>("writev", "int", ["int", "void *", "int"]);
export const ioctl = declare<(fd: number, request: number, argument: Pointer) => number>("ioctl", "int", ["int", "ulong", "void *"]);

// ---- sockets ----

export const socket = declare<(domain: number, type: number, protocol: number) => number>("socket", "int", ["int", "int", "int"]);
export const bind = declare<(fd: number, address: Pointer, length: number) => number>("bind", "int", ["int", "void *", "uint"]);
export const connect = declare<(fd: number, address: Pointer, length: number) => number>("connect", "int", ["int", "void *", "uint"]);
export const setsockopt = declare<(fd: number, level: number, option: number, value: Pointer, length: number) => number>(
  "setsockopt",
  "int",
  ["int", "int", "int", "void *", "uint"],
);
/** `length` is a value-result argument: 4 octets. */
export const getsockopt = declare<(fd: number, level: number, option: number, value: Pointer, length: Pointer) => number>(
  "getsockopt",
  "int",
  ["int", "int", "int", "void *", "void *"],
);
export const getsockname = declare<(fd: number, address: Pointer, length: Pointer) => number>("getsockname", "int", [
  "int",
  "void *",
  "void *",
]);
export const sendmsg = declare<(fd: number, message: Pointer, flags: number) => number>("sendmsg", "int", ["int", "void *", "int"]);
export const recvmsg = declare<(fd: number, message: Pointer, flags: number) => number>("recvmsg", "int", ["int", "void *", "int"]);
export const sendmmsg = declare<(fd: number, messages: Pointer, count: number, flags: number) => number>("sendmmsg", "int", [
  "int",
  "void *",
  "uint",
  "int",
]);
const recvmmsgUntil = declare<(fd: number, messages: Pointer, count: number, flags: number, timeout: number) => number>("recvmmsg", "int", [
  "int",
  "void *",
  "uint",
  "int",
  "void *",
]);
/** Without its timeout argument, which does not do what its manual page promises (see BUGS there): use non-blocking sockets and poll. */
export const recvmmsg = (fd: number, messages: Pointer, count: number, flags: number): number =>
  recvmmsgUntil(fd, messages, count, flags, 0);

// ---- waiting ----

/** `timeout` in milliseconds, -1 = for ever. Blocks this thread. */
export const poll = declare<(pollfds: Pointer, count: number, timeout: number) => number>("poll", "int", ["void *", "ulong", "int"]);
export const eventfd = declare<(initial: number, flags: number) => number>("eventfd", "int", ["uint", "int"]);

// ---- threads and memory ----

/** `pid` 0 = the calling thread. */
export const sched_setaffinity = declare<(pid: number, octets: number, mask: Pointer) => number>("sched_setaffinity", "int", [
  "int",
  "size_t",
  "void *",
]);
export const sched_getaffinity = declare<(pid: number, octets: number, mask: Pointer) => number>("sched_getaffinity", "int", [
  "int",
  "size_t",
  "void *",
]);
export const mlock = declare<(address: number, octets: number) => number>("mlock", "int", ["void *", "size_t"]);
export const madvise = declare<(address: number, octets: number, advice: number) => number>("madvise", "int", ["void *", "size_t", "int"]);
export const memcpy = declare<(to: number, from: number, octets: number) => void>("memcpy", "void", ["void *", "void *", "size_t"]);

/** syscall(2) for bpf(2), which the C library has no wrapper for. */
export const syscall3 = declare<(number: number, first: number, second: Pointer, third: number) => number>("syscall", "int", [
  "long",
  "long",
  "void *",
  "long",
]);

/** The address of the first octet of a shared memory, or of an array buffer that outlives its use. Shared memories never move. */
export function addressOf(buffer: ArrayBufferLike): number {
  return Number(koffi.address(new Uint8Array(buffer)));
}
