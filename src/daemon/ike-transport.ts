/**
 * The control thread's UDP sockets: IKE on its two ports of every local address. ESP goes past it, straight to the workers: on the second port, and
 * as protocol 50.
 */
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import type { EspSockets } from "../dataplane/data-plane.ts";
import { MOST_SOCKETS } from "../dataplane/worker/memory-map.ts";
import { close } from "../host/linux/libc.ts";
import type { Datagram } from "../ike/endpoint.ts";
import type { SocketAddress } from "../ipsec/sadb.ts";
import type { SpiSteering } from "../ipsec/spi-steering.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { addNonEspMarker, classify, keepalive, removeNonEspMarker } from "../wire/udp-encap.ts";
import { ExitCode, Failure } from "./exit-codes.ts";
import { openLocalSockets } from "./local-sockets.ts";

export interface TransportOptions {
  readonly addresses: readonly string[];
  readonly ikePort: number;
  readonly natPort: number;
  readonly steering: SpiSteering;
  /** Of all packets that leave (own-table.ts). */
  readonly mark: number | undefined;
  readonly onDatagram: (datagram: Datagram) => void;
  /** A datagram that could not be sent, or a socket that has an error to tell: the network's affair, not fatal. */
  readonly onError: (error: Error, local: SocketAddress) => void;
}

/** Addresses that there can be sockets for. */
const MOST_ADDRESSES = MOST_SOCKETS / 2;

export class IkeTransport {
  readonly #options: TransportOptions;
  readonly #sockets = new Map<string, Socket>();
  readonly #workerSockets: EspSockets[] = [];

  private constructor(options: TransportOptions) {
    this.#options = options;
  }

  get workerSockets(): readonly EspSockets[] {
    return this.#workerSockets;
  }

  /** @throws as {@link add}, and leaves nothing open */
  static async open(options: TransportOptions): Promise<IkeTransport> {
    const transport = new IkeTransport(options);
    try {
      for (const address of options.addresses) await transport.add(address);
    } catch (error) {
      transport.close();
      throw error;
    }
    return transport;
  }

  /**
   * Opens the sockets of one more address, those for ESP without UDP too: a peer may send that at any time (RFC 7296 §2.23). They stay when the
   * address goes: it may come back, and SAs may still name it. Returns those of the workers; none when they are there.
   *
   * @throws SystemCallError, or Failure when there is no room for more; nothing is left open then
   */
  async add(address: string): Promise<readonly EspSockets[]> {
    const { ikePort, natPort } = this.#options;
    const local = { address, port: natPort };
    if (this.#sockets.has(keyOf(local))) return [];
    if (this.#workerSockets.length >= 2 * MOST_ADDRESSES) {
      throw new Failure(
        ExitCode.USAGE,
        `There are sockets for ${MOST_ADDRESSES} local addresses already, which is the most, and they stay when an address goes: name those to be used in local_addrs, and start anew.`,
      );
    }
    const { ike, natIke, espInUdp, rawEsp } = openLocalSockets({ ...this.#options, address });
    const inUdp = { local, encapsulation: "udp", fds: espInUdp } as const;
    const raw = { local, encapsulation: "none", fds: rawEsp } as const;
    this.#workerSockets.push(inUdp, raw);
    // Both are begun before either is waited for, so that close() finds all of them in the meantime.
    await Promise.all([this.#adopt(ike, { address, port: ikePort }, false), this.#adopt(natIke, local, true)]);
    return [inUdp, raw];
  }

  async #adopt(fd: number, local: SocketAddress, isNat: boolean): Promise<void> {
    const { onDatagram, onError } = this.#options;
    const socket = createSocket(local.address.includes(":") ? "udp6" : "udp4");
    this.#sockets.set(keyOf(local), socket);
    socket.on("error", (error) => onError(error, local));
    socket.on("message", (octets, { address, port }) => {
      const ike = isNat ? withoutMarker(octets) : octets;
      if (ike !== undefined) onDatagram({ local, remote: { address: canonical(address), port }, octets: ike });
    });
    await new Promise<void>((resolve) => socket.bind({ fd }, resolve));
  }

  /** @param marker four zero octets go first, so that the peer does not take the message for ESP (RFC 3948 §2.2) */
  send(local: SocketAddress, remote: SocketAddress, octets: Uint8Array, marker: boolean): void {
    const datagram = marker ? addNonEspMarker(octets) : octets;
    // What goes wrong is told by the callback; that the network lost it is for retransmission to find out.
    this.#sockets.get(keyOf(local))?.send(datagram, remote.port, remote.address, (error) => {
      if (error !== null) this.#sockets.get(keyOf(local))?.emit("error", error);
    });
  }

  sendKeepalive(local: SocketAddress, remote: SocketAddress): void {
    this.send(local, remote, keepalive(), false);
  }

  /** Closes all sockets, those of the workers too: the workers must have ended. */
  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    for (const { fds } of this.#workerSockets) for (const fd of fds) close(fd);
  }
}

/** The IKE message in a datagram that came to the NAT traversal port; undefined for keepalives and ESP without a worker (SPI 1 to 255). */
function withoutMarker(octets: Uint8Array): Uint8Array | undefined {
  return classify(octets) === "ike" ? removeNonEspMarker(octets) : undefined;
}

function keyOf({ address, port }: SocketAddress): string {
  return `${address} ${port}`;
}

function canonical(text: string): string {
  const { family, value } = parseAddress(text.replace(/%.*$/, ""));
  return formatAddress(family, value);
}
