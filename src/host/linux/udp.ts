/** UDP sockets for IKE and ESP-in-UDP (udp(7), ip(7), ipv6(7), socket(7)). */
import { isIPv6 } from "node:net";
import { bind, close, connect, errno, getsockname, getsockopt, setsockopt, socket, SystemCallError } from "./libc.ts";
import { AF_INET, AF_INET6, decodeSockaddr, encodeSockaddr, SOCKADDR_IN6_LENGTH } from "./sockaddr.ts";

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;

const IPPROTO_IP = 0;
const IP_MTU_DISCOVER = 10;
const IP_RECVTOS = 13;
const IP_MTU = 14;
const IPPROTO_IPV6 = 41;
const IPV6_MTU_DISCOVER = 23;
const IPV6_MTU = 24;
const IPV6_V6ONLY = 26;
const IPV6_RECVTCLASS = 66;
/** IP_PMTUDISC_DO and its IPv6 twin: never fragment here, refuse with EMSGSIZE what the path does not take. */
const PMTUDISC_DO = 2;

const SOL_UDP = 17;
const UDP_GRO = 104;

export interface UdpGroupOptions {
  /** IPv4 or IPv6; the sockets take that family only. */
  readonly address: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Sockets in the group: the first is for control, the others one per worker. */
  readonly count: number;
  /** Octets of kernel buffer for each socket, as far as the kernel lets us. */
  readonly sendBuffer: number;
  readonly receiveBuffer: number;
}

/**
 * Binds `count` sockets to one address and port, as a SO_REUSEPORT group in this order, which is what attachSpiSteering counts by. (When one of
 * them is closed, the kernel moves the last one into its place: close all or none.)
 *
 * The first socket, for IKE, is left to fragment large messages; the others set DF, say EMSGSIZE, and merge what they receive (UDP_GRO). All
 * say with which TOS or traffic class a packet came.
 *
 * @returns non-blocking descriptors
 * @throws SystemCallError, EADDRINUSE when any other socket has the port, even one that would share it
 */
export function openUdpGroup({ address, port, count, sendBuffer, receiveBuffer }: UdpGroupOptions): number[] {
  const fds: number[] = [];
  try {
    claim(address, port);
    let actual = port;
    for (let i = 0; i < count; i++) {
      const fd = openSocket(address);
      fds.push(fd);
      if (count > 1) setInt(fd, SOL_SOCKET, SO_REUSEPORT, 1);
      setBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, sendBuffer);
      setBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, receiveBuffer);
      if (isIPv6(address)) setInt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
      else setInt(fd, IPPROTO_IP, IP_RECVTOS, 1);
      if (i > 0) prepareForEsp(fd, address);
      bindSocket(fd, address, actual);
      actual = boundAddress(fd).port;
    }
    return fds;
  } catch (error) {
    for (const fd of fds) close(fd);
    throw error;
  }
}

/** Where a socket is bound. */
export function boundAddress(fd: number): { address: string; port: number } {
  const name = new Uint8Array(SOCKADDR_IN6_LENGTH);
  if (getsockname(fd, name, u32(name.length)) < 0) throw new SystemCallError("getsockname", errno(), "ask where a socket is bound");
  const found = decodeSockaddr(new DataView(name.buffer), 0);
  if (found === undefined) throw new TypeError(`descriptor ${fd} is not an IP socket`);
  return found;
}

/**
 * What the kernel knows of the path: the largest IP packet, headers included, from `local` to `remote`. Learnt from the route, from ICMP, and
 * from the outgoing device.
 *
 * @throws SystemCallError, ENETUNREACH where there is no route
 */
export function pathMtu(local: string, remote: string): number {
  const fd = openSocket(remote);
  try {
    bindSocket(fd, local, 0);
    const { octets, length } = sockaddr(remote, 9); // the port is of no account: nothing is sent
    if (connect(fd, octets, length) < 0) throw new SystemCallError("connect", errno(), `find the path to ${remote}`);
    const value = new Uint8Array(4);
    const [level, option] = isIPv6(remote) ? [IPPROTO_IPV6, IPV6_MTU] : [IPPROTO_IP, IP_MTU];
    if (getsockopt(fd, level, option, value, u32(4)) < 0)
      throw new SystemCallError("getsockopt", errno(), `ask for the path MTU to ${remote}`);
    return new DataView(value.buffer).getInt32(0, true);
  } finally {
    close(fd);
  }
}

/** SO_REUSEPORT would let us into a group that another process of this user has on the port: without it, bind says that the port is taken. */
function claim(address: string, port: number): void {
  const fd = openSocket(address);
  try {
    bindSocket(fd, address, port);
  } finally {
    close(fd);
  }
}

function openSocket(address: string): number {
  const fd = socket(isIPv6(address) ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SystemCallError("socket", errno(), `open a UDP socket for ${address}`);
  if (isIPv6(address)) setInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  return fd;
}

function bindSocket(fd: number, address: string, port: number): void {
  const { octets, length } = sockaddr(address, port);
  if (bind(fd, octets, length) < 0)
    throw new SystemCallError("bind", errno(), `bind UDP ${isIPv6(address) ? `[${address}]` : address}:${port}`);
}

function prepareForEsp(fd: number, address: string): void {
  if (isIPv6(address)) setInt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO);
  else setInt(fd, IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO);
  // Linux 5.0. Without it packets come one by one, which is slower and just as right.
  setsockopt(fd, SOL_UDP, UDP_GRO, u32(1), 4);
}

/** Beyond net.core.{r,w}mem_max where CAP_NET_ADMIN allows it, else up to that. */
function setBuffer(fd: number, forced: number, plain: number, octets: number): void {
  if (setsockopt(fd, SOL_SOCKET, forced, u32(octets), 4) < 0) setInt(fd, SOL_SOCKET, plain, octets);
}

function setInt(fd: number, level: number, option: number, value: number): void {
  if (setsockopt(fd, level, option, u32(value), 4) < 0)
    throw new SystemCallError("setsockopt", errno(), `set option ${level}/${option} of a UDP socket`);
}

function sockaddr(address: string, port: number): { octets: Uint8Array; length: number } {
  const octets = new Uint8Array(SOCKADDR_IN6_LENGTH);
  return { octets, length: encodeSockaddr(new DataView(octets.buffer), 0, address, port) };
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
