import { VNET_HEADER } from "../../kernels/layout.ts";
import type { Tally } from "./context.ts";

/** Per policy: a handful of round trips' worth of a flow that starts, and no more than a super-packet burst of memory. */
const MAX_PACKETS = 128;
const MAX_OCTETS = 1024 * 1024;
const MAX_AGE_MS = 5000;

interface Held {
  /** virtio-net header and packet. */
  readonly octets: Uint8Array;
  readonly since: number;
}

interface Queue {
  readonly packets: Held[];
  octets: number;
}

/** Packets that wait for their first SA, in order, by address of their policy. Bounded in number, octets and time; what is lost is counted. */
export class HoldQueues {
  readonly #tally: Tally;
  readonly #queues = new Map<number, Queue>();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  get empty(): boolean {
    return this.#queues.size === 0;
  }

  /** Copies the packet of `length` octets at `packet` in `memory`, with its virtio-net header. */
  hold(policy: number, memory: Uint8Array, packet: number, length: number, now: number): void {
    let queue = this.#queues.get(policy);
    if (queue === undefined) this.#queues.set(policy, (queue = { packets: [], octets: 0 }));
    if (queue.packets.length >= MAX_PACKETS || queue.octets + length > MAX_OCTETS) {
      this.#tally.drop("HoldOverflow", 1);
      return;
    }
    queue.packets.push({ octets: memory.slice(packet - VNET_HEADER, packet + length), since: now });
    queue.octets += length;
    this.#tally.add("heldPackets", 1);
  }

  /** Takes everything held, policy by policy, oldest first within each. */
  takeAll(): Uint8Array[] {
    const all = [...this.#queues.values()].flatMap(({ packets }) => packets.map(({ octets }) => octets));
    this.#queues.clear();
    return all;
  }

  /** Drops what has waited too long. */
  expire(now: number): void {
    for (const [policy, queue] of this.#queues) {
      let stale = 0;
      while (stale < queue.packets.length && now - (queue.packets[stale]?.since ?? now) > MAX_AGE_MS) stale++;
      if (stale === 0) continue;
      for (const { octets } of queue.packets.splice(0, stale)) queue.octets -= octets.length - VNET_HEADER;
      this.#tally.drop("HoldTimeout", stale);
      if (queue.packets.length === 0) this.#queues.delete(policy);
    }
  }
}
