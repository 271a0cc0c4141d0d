import type { Encapsulation, SocketAddress } from "../../ipsec/sadb.ts";
import { encodeSockaddr, SOCKADDR_IN6_LENGTH } from "../../host/linux/sockaddr.ts";
import { DEST_RAW, DEST_SIZE, DEST_SOCKADDR_LENGTH, DEST_SOCKET } from "../../kernels/layout.ts";
import type { WorkerSocket } from "../messages.ts";
import { DEST_CAPACITY } from "./memory-map.ts";

/** One socket and one peer address. */
interface Place {
  readonly key: string;
  readonly socket: number;
  readonly isRaw: boolean;
  readonly remote: SocketAddress;
}

interface Destination {
  place: Place;
  users: number;
}

/** Where sealed packets go: one record for each pair of local socket and peer address, shared by all SAs to that peer. */
export class DestinationTable {
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  readonly #table: number;
  readonly #sockets: readonly Omit<WorkerSocket, "fd">[];
  readonly #byKey = new Map<string, number>();
  readonly #byIndex = new Map<number, Destination>();
  readonly #free: number[] = [];
  /** A sockaddr is made here, so that one which cannot be made leaves the record as it was. */
  readonly #sockaddr = new DataView(new ArrayBuffer(SOCKADDR_IN6_LENGTH));
  #next = 0;

  /** @param sockets the worker's own list, which may grow */
  constructor(memory: WebAssembly.Memory, table: number, sockets: readonly Omit<WorkerSocket, "fd">[]) {
    this.#octets = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#table = table;
    this.#sockets = sockets;
  }

  /**
   * Index of the record.
   *
   * @throws Error when no socket has the local address, the peer's is none that can be sent to, or the table is full; nothing is acquired then
   */
  acquire(local: SocketAddress, remote: SocketAddress, encapsulation: Encapsulation): number {
    return this.#acquire(this.#placeOf(local, remote, encapsulation));
  }

  /**
   * Like a release and an acquire, but a user that does not get the new place keeps the old one. A record with a single user moves itself: a full
   * table is no hindrance then.
   *
   * @returns index of the record from now on
   * @throws Error as {@link acquire}
   */
  move(index: number, local: SocketAddress, remote: SocketAddress, encapsulation: Encapsulation): number {
    const place = this.#placeOf(local, remote, encapsulation);
    const destination = this.#byIndex.get(index);
    if (destination?.users === 1 && !this.#byKey.has(place.key)) {
      this.#write(index, place);
      this.#byKey.delete(destination.place.key);
      this.#byKey.set(place.key, index);
      destination.place = place;
      return index;
    }
    const moved = this.#acquire(place);
    this.release(index);
    return moved;
  }

  release(index: number): void {
    const destination = this.#byIndex.get(index);
    if (destination === undefined || --destination.users > 0) return;
    this.#byIndex.delete(index);
    this.#byKey.delete(destination.place.key);
    this.#free.push(index);
  }

  remoteOf(index: number): SocketAddress | undefined {
    return this.#byIndex.get(index)?.place.remote;
  }

  /**
   * Writes the 28 octets of a sockaddr and returns how many of them count: 16 for IPv4, 28 for IPv6.
   *
   * @throws RangeError when `address` is neither, and nothing is written
   */
  writeSockaddr(at: number, { address, port }: SocketAddress): number {
    for (let i = 0; i < SOCKADDR_IN6_LENGTH; i++) this.#sockaddr.setUint8(i, 0);
    const length = encodeSockaddr(this.#sockaddr, 0, address, port);
    this.#octets.set(new Uint8Array(this.#sockaddr.buffer), at);
    return length;
  }

  #placeOf(local: SocketAddress, remote: SocketAddress, encapsulation: Encapsulation): Place {
    const socket = this.#sockets.findIndex((one) => one.local.address === local.address && one.encapsulation === encapsulation);
    if (socket < 0) throw new Error(`no ESP socket is bound to ${local.address}`);
    return { key: `${socket} ${remote.address} ${remote.port}`, socket, isRaw: encapsulation === "none", remote };
  }

  #acquire(place: Place): number {
    const known = this.#byKey.get(place.key);
    const destination = known === undefined ? undefined : this.#byIndex.get(known);
    if (known !== undefined && destination !== undefined) {
      destination.users++;
      return known;
    }
    const index = this.#free.at(-1) ?? this.#next;
    if (index >= DEST_CAPACITY) throw new Error(`there are ${DEST_CAPACITY} different peer addresses on one worker already`);
    this.#write(index, place);
    if (this.#free.pop() === undefined) this.#next++;
    this.#byKey.set(place.key, index);
    this.#byIndex.set(index, { place, users: 1 });
    return index;
  }

  #write(index: number, { socket, isRaw, remote }: Place): void {
    const at = this.#table + index * DEST_SIZE;
    this.#view.setUint32(at + DEST_SOCKADDR_LENGTH, this.writeSockaddr(at, isRaw ? { ...remote, port: 0 } : remote), true);
    this.#view.setUint32(at + DEST_SOCKET, socket, true);
    this.#view.setUint32(at + DEST_RAW, isRaw ? 1 : 0, true);
  }
}
