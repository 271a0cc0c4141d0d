/** Error numbers of the C library: the platform's own, from Node's table. */
import { constants } from "node:os";
import koffi from "koffi";

/** Those that code decides by. */
export const { EAGAIN, EINTR, EMSGSIZE, ENOBUFS } = constants.errno;

const NAMES = new Map(Object.entries(constants.errno).map(([name, code]): [number, string] => [code, name]));

/** What went wrong in this thread's last foreign call that failed. Read it before anything else is called. */
export const errno: () => number = koffi.errno;

/** "EAGAIN"; "errno 4242" for a number that no name belongs to. */
export function errnoName(code: number): string {
  return NAMES.get(code) ?? `errno ${code}`;
}
