/** Sockets for ESP as it is, IP protocol 50, without UDP (raw(7)). */
import { isIPv6 } from "node:net";
import { attachFilter } from "./bpf.ts";
import type { SpiSteering } from "./bpf.ts";
import { classic } from "./bpf-assembler.ts";
import type { ClassicLine } from "./bpf-assembler.ts";
import type { SocketOptions } from "./ip-socket.ts";
import { bindSocket, doNotFragment, receiveTos, setBuffers, setMark, SOCK_CLOEXEC, SOCK_NONBLOCK } from "./ip-socket.ts";
import { close, errno, read, socket, SystemCallError } from "./libc.ts";
import { AF_INET, AF_INET6 } from "./sockaddr.ts";

const SOCK_RAW = 3;
const IPPROTO_ESP = 50;

/** What may have come between the making of a socket and its filter, far above what a moment brings. */
const MOST_STRAYS = 4096;

export interface RawEspOptions extends SocketOptions {
  /** IPv4 or IPv6: of this host. */
  readonly address: string;
  /** One socket for each of its workers. */
  readonly steering: SpiSteering;
}

/**
 * One socket for each worker. The kernel gives every one of them a copy of all ESP that comes to the address; a filter lets each have the SPIs
 * alone that steering gives to its worker, so that each packet has one receiver. They set DF, say EMSGSIZE, and tell with which TOS or traffic
 * class a packet came. IPv4 sockets deliver the IP header too, IPv6 sockets do not; neither has ports: in addresses, theirs is 0.
 *
 * While they are open, the kernel answers no ESP with "protocol unreachable", also where every filter refuses.
 *
 * @returns non-blocking descriptors, in the order of the workers
 * @throws SystemCallError, EPERM without CAP_NET_RAW
 */
export function openRawEspSockets({ address, steering, mark, ...buffers }: RawEspOptions): number[] {
  const fds: number[] = [];
  try {
    for (let worker = 0; worker < steering.workers; worker++) {
      const fd = socket(isIPv6(address) ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ESP);
      if (fd < 0) throw new SystemCallError("socket", errno(), `open a socket for ESP of ${address}`);
      fds.push(fd);
      attachFilter(fd, spisOf(worker, steering, isIPv6(address)));
      setBuffers(fd, buffers);
      setMark(fd, mark);
      receiveTos(fd, address);
      doNotFragment(fd, address);
      bindSocket(fd, address, 0, `ESP of ${address}`);
      discardStrays(fd);
    }
    return fds;
  } catch (error) {
    for (const fd of fds) close(fd);
    throw error;
  }
}

/** The whole packet where `worker` is the one that steering names (bpf.ts, attachSpiSteering), else nothing; nor what is too short for an SPI. */
function spisOf(worker: number, { mask, multiplier, workers }: SpiSteering, isHeaderless: boolean): readonly ClassicLine[] {
  return [
    ...(isHeaderless ? [classic.loadWord(0)] : [classic.loadIpv4HeaderLength(0), classic.loadWordAtX(0)]),
    classic.xor(mask),
    classic.multiply(multiplier),
    classic.shiftRight(16),
    classic.modulo(workers),
    classic.jumpIfEqual(worker, "own", "other"),
    "own",
    classic.returnValue(0xffffffff),
    "other",
    classic.returnValue(0),
  ];
}

/** A raw socket is open to all ESP of the host from its first moment on. */
function discardStrays(fd: number): void {
  const room = new Uint8Array(1);
  for (let i = 0; i < MOST_STRAYS && read(fd, room, room.length) >= 0; i++);
}
