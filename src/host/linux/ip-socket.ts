/** What sockets of UDP and of raw ESP have alike (ip(7), ipv6(7), socket(7)). */
import { isIPv6 } from "node:net";
import { bind, errno, setsockopt, SystemCallError } from "./libc.ts";
import { encodeSockaddr, SOCKADDR_IN6_LENGTH } from "./sockaddr.ts";

export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

export const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_MARK = 36;

export const IPPROTO_IP = 0;
const IP_MTU_DISCOVER = 10;
const IP_RECVTOS = 13;
export const IPPROTO_IPV6 = 41;
const IPV6_MTU_DISCOVER = 23;
const IPV6_RECVTCLASS = 66;
/** IP_PMTUDISC_DO and its IPv6 twin: never fragment here, refuse with EMSGSIZE what the path does not take. */
const PMTUDISC_DO = 2;

/** Octets of kernel buffer for a socket, as far as the kernel lets us. */
export interface SocketBuffers {
  readonly sendBuffer: number;
  readonly receiveBuffer: number;
}

export interface SocketOptions extends SocketBuffers {
  /** What routing rules know the socket's packets by (`fwmark` in ip-rule(8)); undefined: nothing. */
  readonly mark?: number | undefined;
}

/** Marks everything that leaves the socket, and its look-ups of routes. @throws SystemCallError, EPERM without CAP_NET_ADMIN */
export function setMark(fd: number, mark: number | undefined): void {
  if (mark !== undefined) setOption(fd, SOL_SOCKET, SO_MARK, mark);
}

/** Beyond net.core.{r,w}mem_max where CAP_NET_ADMIN allows it, else up to that. */
export function setBuffers(fd: number, { sendBuffer, receiveBuffer }: SocketBuffers): void {
  for (const [forced, plain, octets] of [
    [SO_SNDBUFFORCE, SO_SNDBUF, sendBuffer],
    [SO_RCVBUFFORCE, SO_RCVBUF, receiveBuffer],
  ] as const) {
    if (setsockopt(fd, SOL_SOCKET, forced, u32(octets), 4) < 0) setOption(fd, SOL_SOCKET, plain, octets);
  }
}

/** Packets come with their TOS or traffic class. */
export function receiveTos(fd: number, address: string): void {
  if (isIPv6(address)) setOption(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
  else setOption(fd, IPPROTO_IP, IP_RECVTOS, 1);
}

/** Packets leave whole and with DF, or not at all. */
export function doNotFragment(fd: number, address: string): void {
  if (isIPv6(address)) setOption(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO);
  else setOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO);
}

export function bindSocket(fd: number, address: string, port: number, what: string): void {
  const { octets, length } = sockaddr(address, port);
  if (bind(fd, octets, length) < 0) throw new SystemCallError("bind", errno(), `bind ${what}`);
}

export function setOption(fd: number, level: number, option: number, value: number): void {
  if (setsockopt(fd, level, option, u32(value), 4) < 0)
    throw new SystemCallError("setsockopt", errno(), `set option ${level}/${option} of a socket`);
}

export function sockaddr(address: string, port: number): { octets: Uint8Array; length: number } {
  const octets = new Uint8Array(SOCKADDR_IN6_LENGTH);
  return { octets, length: encodeSockaddr(new DataView(octets.buffer), 0, address, port) };
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
