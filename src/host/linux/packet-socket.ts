/** Watching a link: AF_PACKET sockets (packet(7)), which see every packet of an Ethernet device, in both directions. */
import { attachFilter } from "./bpf.ts";
import type { ClassicLine } from "./bpf-assembler.ts";
import { classic } from "./bpf-assembler.ts";
import { Iproute } from "./iproute.ts";
import { bind, close, errno, read, socket, SystemCallError } from "./libc.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const ETH_P_ALL = 0x0003;
const SOCKADDR_LL_LENGTH = 20;
const ETHERNET_HEADER = 14;

const IKE_PORT = 500;
const NAT_T_PORT = 4500;

/**
 * Lets through what has no business on a link between two IPsec gateways: all but IKE and ESP in UDP, ARP, and IPv6's neighbour discovery and
 * multicast listener reports. A fragment that is not the first is let through too, since it shows no port. The kernel does the sorting: a link
 * full of ESP costs the watcher nothing, and no packet that matters is lost for want of buffer.
 */
export const UNPROTECTED_TRAFFIC: readonly ClassicLine[] = [
  classic.loadHalf(12),
  classic.jumpIfEqual(0x0806, "expected"),
  classic.jumpIfEqual(0x0800, "IPv4"),
  classic.jumpIfEqual(0x86dd, "IPv6", "unprotected"),

  "IPv4",
  classic.loadByte(ETHERNET_HEADER + 9),
  classic.jumpIfEqual(17, undefined, "unprotected"),
  classic.loadHalf(ETHERNET_HEADER + 6),
  classic.jumpIfAnyBit(0x1fff, "unprotected"),
  classic.loadIpv4HeaderLength(ETHERNET_HEADER),
  ...[0, 2].flatMap((port) => [
    classic.loadHalfAtX(ETHERNET_HEADER + port),
    classic.jumpIfEqual(IKE_PORT, "expected"),
    classic.jumpIfEqual(NAT_T_PORT, "expected"),
  ]),
  classic.returnValue(0xffff),

  "IPv6",
  classic.loadByte(ETHERNET_HEADER + 6),
  classic.jumpIfEqual(58, "ICMPv6"),
  classic.jumpIfEqual(0, "hop-by-hop"),
  classic.jumpIfEqual(17, undefined, "unprotected"),
  ...[0, 2].flatMap((port) => [
    classic.loadHalf(ETHERNET_HEADER + 40 + port),
    classic.jumpIfEqual(IKE_PORT, "expected"),
    classic.jumpIfEqual(NAT_T_PORT, "expected"),
  ]),
  classic.returnValue(0xffff),

  "ICMPv6", // neighbour discovery: types 133 to 137 (RFC 4861)
  classic.loadByte(ETHERNET_HEADER + 40),
  classic.jumpIfGreaterOrEqual(138, "unprotected"),
  classic.jumpIfGreaterOrEqual(133, "expected", "unprotected"),

  "hop-by-hop", // where multicast listener reports carry their router alert (RFC 3810): types 130 to 132 and 143
  classic.loadByte(ETHERNET_HEADER + 40),
  classic.jumpIfEqual(58, undefined, "unprotected"),
  classic.loadByte(ETHERNET_HEADER + 48),
  classic.jumpIfEqual(143, "expected"),
  classic.jumpIfGreaterOrEqual(133, "unprotected"),
  classic.jumpIfGreaterOrEqual(130, "expected", "unprotected"),

  "unprotected",
  classic.returnValue(0xffff),
  "expected",
  classic.returnValue(0),
];

export class PacketSocket {
  readonly #fd: number;
  readonly #room = new Uint8Array(65536);

  /**
   * Watches `device`, in the calling thread's network namespace.
   * @param filter what of it to see, e.g. {@link UNPROTECTED_TRAFFIC}
   * @throws SystemCallError, IpCommandError where there is no such device
   */
  constructor(device: string, filter: readonly ClassicLine[]) {
    const [link] = new Iproute().query(`find ${device}`, "link", "show", "dev", device);
    // Protocol 0: it sees nothing before it is bound, thus nothing unfiltered or of another device.
    this.#fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (this.#fd < 0) throw new SystemCallError("socket", errno(), `watch the link ${device}`);
    try {
      attachFilter(this.#fd, filter);
      const address = Buffer.alloc(SOCKADDR_LL_LENGTH);
      address.writeUInt16LE(AF_PACKET, 0);
      address.writeUInt16BE(ETH_P_ALL, 2);
      address.writeInt32LE(Number(link?.["ifindex"]), 4);
      if (bind(this.#fd, address, address.length) < 0) throw new SystemCallError("bind", errno(), `watch the link ${device}`);
    } catch (error) {
      close(this.#fd);
      throw error;
    }
  }

  /** The next packet that was seen, with its Ethernet header; undefined when there is none. Never waits. */
  next(): Uint8Array | undefined {
    const length = read(this.#fd, this.#room, this.#room.length);
    return length < 0 ? undefined : this.#room.slice(0, length);
  }

  close(): void {
    close(this.#fd);
  }
}
