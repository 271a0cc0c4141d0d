import type { CpuIndex } from "../../ipsec/names.ts";
import type { DropReason } from "../../ipsec/drop-reasons.ts";
import { dropReasonCode } from "../../ipsec/drop-reasons.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import type { CounterName } from "../counters.ts";
import { counterIndex } from "../counters.ts";
import type { CipherEngine } from "../engines/engine.ts";
import type { DataPlaneEvent, WorkerSocket } from "../messages.ts";
import type { DestinationTable } from "./destinations.ts";
import type { MemoryMap } from "./memory-map.ts";
import type { RingProducer } from "./handoff-ring.ts";
import type { WorkerSad } from "./sad.ts";
import type { SocketTurns } from "./socket-turns.ts";

/** What the two directions of one worker share. */
export interface WorkerContext {
  readonly self: CpuIndex;
  /** Absolute address of packet memory, and views over it. */
  readonly base: number;
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly view: DataView;
  readonly map: MemoryMap;
  readonly kernels: Kernels;
  readonly engine: CipherEngine;
  readonly sad: WorkerSad;
  readonly destinations: DestinationTable;
  readonly tally: Tally;
  /** Rings of all workers by index, our own among them (for packets that were held). */
  readonly rings: readonly RingProducer[];
  readonly tunFd: number;
  /** They may become more. */
  readonly sockets: readonly WorkerSocket[];
  readonly turns: SocketTurns;
  readonly sharedCounters: Int32Array;
  /** Notes that packets were pushed to worker `index`: it is woken once at the end of the burst. */
  touch(index: number): void;
  post(event: DataPlaneEvent): void;
}

/** The worker's counters and drop counters in packet memory. */
export class Tally {
  readonly #f64: Float64Array;
  readonly #counters: number;
  readonly #drops: number;

  constructor(f64: Float64Array, map: MemoryMap) {
    this.#f64 = f64;
    this.#counters = map.counters >> 3;
    this.#drops = map.drops >> 3;
  }

  add(counter: CounterName, n: number): void {
    const at = this.#counters + counterIndex[counter];
    this.#f64[at] = (this.#f64[at] ?? 0) + n;
  }

  drop(reason: DropReason, n: number): void {
    const at = this.#drops + dropReasonCode(reason);
    this.#f64[at] = (this.#f64[at] ?? 0) + n;
  }
}
