/**
 * The outbound entries of one group as the workers of a host hold them. Each worker has a queue of messages of its own and applies them when it comes
 * to it, so that for a while they may disagree.
 */
import { cpuIndex, type ChildSaId, type CpuIndex } from "../../../src/ipsec/names.ts";
import type { OutboundEntry } from "../../../src/ipsec/sadb.ts";

export type PacketFate =
  | { readonly kind: "sealed"; readonly sa: ChildSaId; readonly cpu: CpuIndex; readonly hops: number }
  | { readonly kind: "waits" }
  | { readonly kind: "loops" };

interface WorkerEntry {
  entry: OutboundEntry;
  armed: boolean;
}

const MAX_HOPS = 2;

export class WorkerEntries {
  readonly #entries = new Map<CpuIndex, WorkerEntry>();
  readonly #queues = new Map<CpuIndex, OutboundEntry[]>();
  readonly #onAcquire: (cpu: CpuIndex) => void;
  /** How many entries were ever sent. */
  sent = 0;

  constructor(onAcquire: (cpu: CpuIndex) => void) {
    this.#onAcquire = onAcquire;
  }

  send(cpu: CpuIndex, entry: OutboundEntry): void {
    this.sent++;
    const queue = this.#queues.get(cpu) ?? [];
    queue.push(entry);
    this.#queues.set(cpu, queue);
  }

  /** The worker comes to its messages. */
  apply(cpu: CpuIndex): void {
    for (const entry of this.#queues.get(cpu) ?? []) this.#entries.set(cpu, { entry, armed: entry.kind !== "own" && entry.ask });
    this.#queues.delete(cpu);
  }

  applyAll(): void {
    for (const cpu of [...this.#queues.keys()]) this.apply(cpu);
  }

  /** As the worker has it now; one that it was never told of is that of a new policy. */
  at(cpu: CpuIndex): WorkerEntry {
    let found = this.#entries.get(cpu);
    if (found === undefined) this.#entries.set(cpu, (found = { entry: { kind: "none", ask: true }, armed: true }));
    return found;
  }

  /** A packet comes out of this CPU's TUN queue. */
  packet(cpu: CpuIndex): PacketFate {
    for (let hops = 0; ; hops++) {
      const found = this.at(cpu);
      if (found.armed) {
        found.armed = false;
        this.#onAcquire(cpu);
      }
      const { entry } = found;
      if (entry.kind === "none") return { kind: "waits" };
      if (entry.kind !== "stub") return { kind: "sealed", sa: entry.sa, cpu, hops };
      if (hops === MAX_HOPS) return { kind: "loops" };
      cpu = entry.owner;
    }
  }

  /** "own 3", "stub→0 ask", "shared 1", "none ask": what it is, and whether the next packet asks. */
  describe(cpus: number): string[] {
    this.applyAll();
    return Array.from({ length: cpus }, (_, index) => {
      const { entry, armed } = this.at(cpuIndex(index));
      const what = entry.kind === "none" ? "none" : entry.kind === "stub" ? `stub→${entry.owner}` : `${entry.kind} ${entry.sa}`;
      return armed ? `${what} ask` : what;
    });
  }
}
