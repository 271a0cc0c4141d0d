/**
 * TUN devices (linux Documentation/networking/tuntap.rst) with several queues: one per worker. Every packet read or written is preceded by a
 * struct virtio_net_hdr of 10 octets, which carries segmentation and checksum offload both ways.
 */
import { close, errno, ioctl, open, SystemCallError } from "./libc.ts";

const DEVICE = "/dev/net/tun";
const O_RDWR = 0o2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const TUNSETSTEERINGEBPF = 0x800454e0;

const IFF_TUN = 0x0001;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
/** Fail where a device of that name exists: joining another process' device would share its packets. */
const IFF_TUN_EXCL = 0x8000;

const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_TSO_ECN = 0x08;
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;
const TSO = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
const USO = TUN_F_USO4 | TUN_F_USO6;

const IFNAMSIZ = 16;
const IFREQ_LENGTH = 40;
export const VNET_HEADER_LENGTH = 10;

export interface TunOptions {
  /** At most 15 octets; "hawser%d" lets the kernel choose the number. */
  readonly name: string;
  /** One per worker, 1 to 256. */
  readonly queues: number;
  /** Let the kernel hand over TCP and UDP super-packets of up to 64 KiB, and packets whose checksum is still to be done. */
  readonly offloads: boolean;
}

export interface TunDevice {
  /** The name it got. */
  readonly name: string;
  /** One per queue, non-blocking. The device goes when the last one is closed. */
  readonly fds: readonly number[];
  /** What the kernel may really hand over: TCP and UDP super-packets. USO needs Linux 6.2. */
  readonly offloads: { readonly tso: boolean; readonly uso: boolean };
}

/** Makes the device: down, without addresses. @throws SystemCallError and leaves nothing behind */
export function openTun({ name, queues, offloads }: TunOptions): TunDevice {
  if (Buffer.byteLength(name) >= IFNAMSIZ) throw new RangeError(`the name of a network device has at most 15 octets: "${name}"`);
  const fds: number[] = [];
  try {
    let actual = name;
    for (let queue = 0; queue < queues; queue++) {
      const fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
      if (fd < 0) throw new SystemCallError("open", errno(), `open ${DEVICE}`);
      fds.push(fd);
      actual = attachQueue(fd, actual, queues, queue === 0);
    }
    const first = fds[0] as number;
    setInt(first, TUNSETVNETHDRSZ, "TUNSETVNETHDRSZ", VNET_HEADER_LENGTH);
    return { name: actual, fds, offloads: offloads ? enableOffloads(first) : { tso: false, uso: false } };
  } catch (error) {
    for (const fd of fds) close(fd);
    throw error;
  }
}

/** Has the program behind `programFd` (BPF_PROG_TYPE_SOCKET_FILTER) choose the queue of each packet. The device keeps its own reference. */
export function attachSteering(fd: number, programFd: number): void {
  setInt(fd, TUNSETSTEERINGEBPF, "TUNSETSTEERINGEBPF", programFd);
}

/** struct ifreq: the name in 16 octets, then flags. Returns the name that the device has. */
function attachQueue(fd: number, name: string, queues: number, first: boolean): string {
  const request = Buffer.alloc(IFREQ_LENGTH);
  request.write(name, 0, IFNAMSIZ - 1);
  const flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0) | (first ? IFF_TUN_EXCL : 0);
  request.writeUInt16LE(flags, IFNAMSIZ);
  if (ioctl(fd, TUNSETIFF, request) < 0) throw new SystemCallError("TUNSETIFF", errno(), `create the TUN device ${name}`);
  return request.toString("latin1", 0, request.indexOf(0));
}

/** The argument of TUNSETOFFLOAD is the value itself. A kernel that does not know a flag refuses all of them. */
function enableOffloads(fd: number): TunDevice["offloads"] {
  if (ioctl(fd, TUNSETOFFLOAD, TSO | USO) >= 0) return { tso: true, uso: true };
  return { tso: ioctl(fd, TUNSETOFFLOAD, TSO) >= 0, uso: false };
}

function setInt(fd: number, request: number, call: string, value: number): void {
  if (ioctl(fd, request, Buffer.from(Int32Array.of(value).buffer)) < 0) throw new SystemCallError(call, errno(), "set up the TUN device");
}
