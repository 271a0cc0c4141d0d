/** UDP sockets for IKE and ESP-in-UDP (udp(7), ip(7), ipv6(7), socket(7)). */
import { isIPv6 } from "node:net";
import type { SocketOptions } from "./ip-socket.ts";
import {
  bindSocket,
  doNotFragment,
  IPPROTO_IP,
  IPPROTO_IPV6,
  receiveTos,
  setBuffers,
  setMark,
  setOption,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  sockaddr,
  SOL_SOCKET,
  u32,
} from "./ip-socket.ts";
import { close, connect, errno, getsockname, getsockopt, setsockopt, socket, SystemCallError } from "./libc.ts";
import { AF_INET, AF_INET6, decodeSockaddr, SOCKADDR_IN6_LENGTH } from "./sockaddr.ts";

const SOCK_DGRAM = 2;
const SO_REUSEPORT = 15;
const IP_MTU = 14;
const IPV6_MTU = 24;
const IPV6_V6ONLY = 26;

const SOL_UDP = 17;
const UDP_GRO = 104;

export interface UdpGroupOptions extends SocketOptions {
  /** IPv4 or IPv6; the sockets take that family only. */
  readonly address: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Sockets in the group: the first is for control, the others one per worker. */
  readonly count: number;
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
export function openUdpGroup({ address, port, count, mark, ...buffers }: UdpGroupOptions): number[] {
  const fds: number[] = [];
  try {
    claim(address, port);
    let actual = port;
    for (let i = 0; i < count; i++) {
      const fd = openSocket(address);
      fds.push(fd);
      if (count > 1) setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
      setBuffers(fd, buffers);
      setMark(fd, mark);
      receiveTos(fd, address);
      if (i > 0) prepareForEsp(fd, address);
      bindUdp(fd, address, actual);
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
 * @param mark of the packets that are meant
 * @throws SystemCallError, ENETUNREACH where there is no route
 */
export function pathMtu(local: string, remote: string, mark?: number): number {
  const fd = openSocket(remote);
  try {
    setMark(fd, mark);
    bindUdp(fd, local, 0);
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
    bindUdp(fd, address, port);
  } finally {
    close(fd);
  }
}

function openSocket(address: string): number {
  const fd = socket(isIPv6(address) ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SystemCallError("socket", errno(), `open a UDP socket for ${address}`);
  if (isIPv6(address)) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  return fd;
}

function bindUdp(fd: number, address: string, port: number): void {
  bindSocket(fd, address, port, `UDP ${isIPv6(address) ? `[${address}]` : address}:${port}`);
}

function prepareForEsp(fd: number, address: string): void {
  doNotFragment(fd, address);
  // Linux 5.0. Without it packets come one by one, which is slower and just as right.
  setsockopt(fd, SOL_UDP, UDP_GRO, u32(1), 4);
}
