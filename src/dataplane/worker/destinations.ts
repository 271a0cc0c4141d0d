import type { Encapsulation, SocketAddress } from "../../ipsec/sadb.ts";
import { encodeSockaddr } from "../../host/linux/sockaddr.ts";
import { DEST_RAW, DEST_SIZE, DEST_SOCKADDR_LENGTH, DEST_SOCKET } from "../../kernels/layout.ts";
import type { WorkerSocket } from "../messages.ts";
import { DEST_CAPACITY } from "./memory-map.ts";

interface Destination {
  readonly key: string;
  readonly index: number;
  readonly remote: SocketAddress;
  users: number;
}

/** Where sealed packets go: one record for each pair of local socket and peer address, shared by all SAs to that peer. */
export class DestinationTable {
  readonly #view: DataView;
  readonly #table: number;
  readonly #sockets: readonly Omit<WorkerSocket, "fd">[];
  readonly #byKey = new Map<string, Destination>();
  readonly #byIndex = new Map<number, Destination>();
  readonly #free: number[] = [];
  #next = 0;

  /** @param sockets the worker's own list, which may grow */
  constructor(memory: WebAssembly.Memory, table: number, sockets: readonly Omit<WorkerSocket, "fd">[]) {
    this.#view = new DataView(memory.buffer);
    this.#table = table;
    this.#sockets = sockets;
  }

  /** Index of the record. @throws Error when no socket has the local address, or the table is full. */
  acquire(local: SocketAddress, remote: SocketAddress, encapsulation: Encapsulation): number {
    const socket = this.#sockets.findIndex((one) => one.local.address === local.address && one.encapsulation === encapsulation);
    if (socket < 0) throw new Error(`no ESP socket is bound to ${local.address}`);
    const isRaw = encapsulation === "none";
    const key = `${socket} ${remote.address} ${remote.port}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.users++;
      return known.index;
    }
    const index = this.#free.pop() ?? this.#next++;
    if (index >= DEST_CAPACITY) {
      this.#next = DEST_CAPACITY;
      throw new Error(`more than ${DEST_CAPACITY} different peer addresses on one worker`);
    }
    const at = this.#table + index * DEST_SIZE;
    this.#view.setUint32(at + DEST_SOCKADDR_LENGTH, this.writeSockaddr(at, isRaw ? { ...remote, port: 0 } : remote), true);
    this.#view.setUint32(at + DEST_SOCKET, socket, true);
    this.#view.setUint32(at + DEST_RAW, isRaw ? 1 : 0, true);
    const destination = { key, index, remote, users: 1 };
    this.#byKey.set(key, destination);
    this.#byIndex.set(index, destination);
    return index;
  }

  release(index: number): void {
    const destination = this.#byIndex.get(index);
    if (destination === undefined || --destination.users > 0) return;
    this.#byIndex.delete(index);
    this.#byKey.delete(destination.key);
    this.#free.push(index);
  }

  remoteOf(index: number): SocketAddress | undefined {
    return this.#byIndex.get(index)?.remote;
  }

  /** Writes the 28 octets of a sockaddr and returns how many of them count: 16 for IPv4, 28 for IPv6. */
  writeSockaddr(at: number, { address, port }: SocketAddress): number {
    for (let i = 0; i < 28; i++) this.#view.setUint8(at + i, 0);
    return encodeSockaddr(this.#view, at, address, port);
  }
}
