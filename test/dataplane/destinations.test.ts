/** The table of places to send to, and what is left of it when a place cannot be had. */
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { DestinationTable } from "../../src/dataplane/worker/destinations.ts";
import { DEST_CAPACITY } from "../../src/dataplane/worker/memory-map.ts";
import { decodeSockaddr } from "../../src/host/linux/sockaddr.ts";
import type { SocketAddress } from "../../src/ipsec/sadb.ts";
import { DEST_RAW, DEST_SIZE, DEST_SOCKET } from "../../src/kernels/layout.ts";

const LOCAL = { address: "192.0.2.1", port: 4500 };
const ELSEWHERE = { address: "192.0.2.9", port: 4500 };
const peer = (n: number): SocketAddress => ({ address: `10.0.${n >> 8}.${n & 255}`, port: 4500 });

class Box {
  readonly #view: DataView;
  readonly table: DestinationTable;

  constructor() {
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 2, shared: true });
    this.#view = new DataView(memory.buffer);
    this.table = new DestinationTable(memory, 0, [
      { local: LOCAL, encapsulation: "udp" },
      { local: LOCAL, encapsulation: "none" },
    ]);
  }

  acquire(n: number): number {
    return this.table.acquire(LOCAL, peer(n), "udp");
  }

  /** Socket and peer address as the kernels find them. */
  record(index: number): { remote: SocketAddress | undefined; socket: number; isRaw: boolean } {
    const at = index * DEST_SIZE;
    const isRaw = this.#view.getUint32(at + DEST_RAW, true) === 1;
    return { remote: decodeSockaddr(this.#view, at), socket: this.#view.getUint32(at + DEST_SOCKET, true), isRaw };
  }

  isAt(index: number, n: number): void {
    assert.deepEqual(this.record(index), { remote: peer(n), socket: 0, isRaw: false });
    assert.deepEqual(this.table.remoteOf(index), peer(n));
  }
}

test("one record for all who send to one place, free again after the last", () => {
  const box = new Box();
  const index = box.acquire(1);
  assert.equal(box.acquire(1), index);
  box.table.release(index);
  box.isAt(index, 1);
  box.table.release(index);
  assert.equal(box.table.remoteOf(index), undefined);
  assert.equal(box.acquire(2), index);
});

test("a full table takes nobody new, and everybody again whose place has become free", () => {
  const box = new Box();
  const indexes = Array.from({ length: DEST_CAPACITY }, (_, n) => box.acquire(n));
  for (let attempt = 0; attempt < 3; attempt++) assert.throws(() => box.acquire(DEST_CAPACITY), /1024 different peer addresses/);
  assert.equal(box.acquire(7), indexes[7]);
  box.table.release(indexes[9] ?? -1);
  assert.equal(box.acquire(DEST_CAPACITY), indexes[9]);
  assert.throws(() => box.acquire(DEST_CAPACITY + 1), /different peer addresses/);
});

test("a single user moves in a full table", () => {
  const box = new Box();
  const indexes = Array.from({ length: DEST_CAPACITY }, (_, n) => box.acquire(n));
  const moved = box.table.move(indexes[3] ?? -1, LOCAL, peer(5000), "udp");
  box.isAt(moved, 5000);
  // And its old place is nobody's: who wants to go there finds no room.
  assert.throws(() => box.acquire(3), /different peer addresses/);
  box.table.release(moved);
  box.isAt(box.acquire(3), 3);
});

test("one of two users that finds no room stays where it was, as does the other", () => {
  const box = new Box();
  for (let n = 0; n < DEST_CAPACITY; n++) box.acquire(n);
  const index = box.acquire(3);
  assert.throws(() => box.table.move(index, LOCAL, peer(5000), "udp"), /different peer addresses/);
  box.isAt(index, 3);
  // Both are counted still.
  box.table.release(index);
  box.isAt(index, 3);
  // The other one is alone now.
  box.isAt(box.table.move(index, LOCAL, peer(5000), "udp"), 5000);
});

test("two that move to one place share its record", () => {
  const box = new Box();
  const [one, two] = [box.acquire(1), box.acquire(2)];
  const moved = box.table.move(one, LOCAL, peer(9), "udp");
  assert.equal(box.table.move(two, LOCAL, peer(9), "udp"), moved);
  assert.equal(box.table.remoteOf(two), undefined);
  box.table.release(moved);
  box.isAt(moved, 9);
  assert.equal(box.table.move(moved, LOCAL, peer(9), "udp"), moved);
  box.isAt(moved, 9);
});

test("another encapsulation is another place", () => {
  const box = new Box();
  const index = box.table.move(box.acquire(1), LOCAL, peer(1), "none");
  assert.deepEqual(box.record(index), { remote: { ...peer(1), port: 0 }, socket: 1, isRaw: true });
});

test("where there is no socket, or no address, nothing changes", () => {
  const box = new Box();
  const index = box.acquire(1);
  assert.throws(() => box.table.move(index, ELSEWHERE, peer(2), "udp"), /no ESP socket is bound to 192\.0\.2\.9/);
  assert.throws(() => box.table.move(index, LOCAL, { address: "fe80::1%eth0", port: 4500 }, "udp"), /not an IP address/);
  assert.throws(() => box.table.acquire(LOCAL, { address: "fe80::1%eth0", port: 4500 }, "udp"), /not an IP address/);
  box.isAt(index, 1);
  assert.equal(box.acquire(2), index + 1);
});
