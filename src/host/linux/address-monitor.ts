/** Word from the kernel that addresses of this network namespace come or go (rtnetlink(7), netlink(7)). */
import { bind, close, ENOBUFS, errno, read, socket, SystemCallError } from "./libc.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV6_IFADDR = 0x100;
/** Octets of struct sockaddr_nl: family, padding, port, groups. */
const SOCKADDR_NL = 12;

const ROOM = 64 * 1024;

export class AddressMonitor {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(ROOM);

  /** @throws SystemCallError */
  constructor() {
    this.#fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (this.#fd < 0) throw new SystemCallError("socket", errno(), "watch the host's addresses");
    const name = new DataView(new ArrayBuffer(SOCKADDR_NL));
    name.setUint16(0, AF_NETLINK, true);
    name.setUint32(8, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, true);
    if (bind(this.#fd, new Uint8Array(name.buffer), SOCKADDR_NL) < 0) {
      const code = errno();
      close(this.#fd);
      throw new SystemCallError("bind", code, "watch the host's addresses");
    }
  }

  /**
   * Whether any address has come or gone since the last call, or since the start. What exactly is for the caller to look up: messages may have been
   * lost (ENOBUFS), and one look is the same for one change and for many.
   */
  hasChanged(): boolean {
    let changed = false;
    for (;;) {
      const octets = read(this.#fd, this.#buffer, ROOM);
      if (octets > 0) changed = true;
      else return changed || errno() === ENOBUFS;
    }
  }

  close(): void {
    close(this.#fd);
  }
}
