/** The SADs of one end's workers, as far as outbound entries go. What control says waits in each worker's queue until the worker gets to it. */
import assert from "node:assert/strict";
import type { ChildSaId, CpuIndex } from "../../../src/ipsec/names.ts";
import type { OutboundEntry } from "../../../src/ipsec/sadb.ts";

type Message =
  | { readonly kind: "addOutbound"; readonly sa: ChildSaId }
  | { readonly kind: "removeOutbound"; readonly sa: ChildSaId }
  | { readonly kind: "setEntry"; readonly entry: OutboundEntry };

/** What became of a packet. */
export type Fate = { readonly sentOn: ChildSaId; readonly hops: number } | "waits" | "handed on too often";

const MAX_HOPS = 2;

export class Worker {
  readonly cpu: CpuIndex;
  readonly #inbox: Message[] = [];
  readonly #installed = new Set<ChildSaId>();
  entry: OutboundEntry = { kind: "none", ask: true };
  /** Whether the next packet that meets the entry raises an ACQUIRE. */
  isArmed = true;

  constructor(cpu: CpuIndex) {
    this.cpu = cpu;
  }

  get isUpToDate(): boolean {
    return this.#inbox.length === 0;
  }

  post(message: Message): void {
    this.#inbox.push(message);
  }

  applyOne(): void {
    const message = this.#inbox.shift();
    switch (message?.kind) {
      case undefined:
        return;
      case "addOutbound":
        this.#installed.add(message.sa);
        return;
      case "removeOutbound":
        this.#installed.delete(message.sa);
        assert.notEqual(this.#sealsWith, message.sa, `CPU ${this.cpu}: SA ${message.sa} is removed while it is in use`);
        return;
      case "setEntry": {
        this.entry = message.entry;
        this.isArmed = message.entry.kind !== "own" && message.entry.ask;
        const sa = this.#sealsWith;
        assert.ok(sa === undefined || this.#installed.has(sa), `CPU ${this.cpu}: an entry with SA ${sa}, which is not here`);
      }
    }
  }

  get #sealsWith(): ChildSaId | undefined {
    return this.entry.kind === "own" || this.entry.kind === "shared" ? this.entry.sa : undefined;
  }
}

export class Workers {
  readonly #workers = new Map<CpuIndex, Worker>();

  constructor(cpus: readonly CpuIndex[]) {
    for (const cpu of cpus) this.#workers.set(cpu, new Worker(cpu));
  }

  get all(): Worker[] {
    return [...this.#workers.values()];
  }

  get(cpu: CpuIndex): Worker {
    const worker = this.#workers.get(cpu);
    assert.ok(worker !== undefined, `there is no CPU ${cpu}`);
    return worker;
  }

  /** Every worker may seal on a shared SA. */
  addOutbound(sa: ChildSaId, cpu: CpuIndex, shared: boolean): void {
    for (const worker of this.all) if (shared || worker.cpu === cpu) worker.post({ kind: "addOutbound", sa });
  }

  removeOutbound(sa: ChildSaId): void {
    for (const worker of this.all) worker.post({ kind: "removeOutbound", sa });
  }

  applyAll(): void {
    for (const worker of this.all) while (!worker.isUpToDate) worker.applyOne();
  }

  /** A packet on its way out. `acquire` is called for each worker on it that asks. */
  send(cpu: CpuIndex, acquire: (cpu: CpuIndex) => void): Fate {
    let worker = this.get(cpu);
    for (let hops = 0; ; hops++) {
      const { entry } = worker;
      if (worker.isArmed) {
        worker.isArmed = false;
        acquire(worker.cpu);
      }
      if (entry.kind === "own" || entry.kind === "shared") return { sentOn: entry.sa, hops };
      if (entry.kind === "none") return "waits";
      if (hops === MAX_HOPS) return "handed on too often";
      worker = this.get(entry.owner);
    }
  }
}
