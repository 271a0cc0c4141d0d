/** The outbound entry that each CPU's SAD has for this group, as far as we know: what changed is what has to be sent. */
import type { CpuIndex } from "../ipsec/names.ts";
import type { OutboundEntry } from "../ipsec/sadb.ts";

/** What a worker makes of a new policy by itself (ipsec/sadb.ts). */
const OF_A_NEW_POLICY: OutboundEntry = { kind: "none", ask: true };

const asks = (entry: OutboundEntry): boolean => entry.kind !== "own" && entry.ask;

export class EntryTable {
  /** `armed`: a packet that meets the entry still raises an ACQUIRE; the worker does that once. */
  readonly #entries = new Map<CpuIndex, { entry: OutboundEntry; armed: boolean }>();

  get(cpu: CpuIndex): OutboundEntry {
    return this.#entries.get(cpu)?.entry ?? OF_A_NEW_POLICY;
  }

  /** The worker raised its ACQUIRE. */
  acquired(cpu: CpuIndex): void {
    this.#entries.set(cpu, { entry: this.get(cpu), armed: false });
  }

  /** Takes note of what the entry should be. True: it is not so yet, send it. */
  put(cpu: CpuIndex, wanted: OutboundEntry): boolean {
    const known = this.#entries.get(cpu) ?? { entry: OF_A_NEW_POLICY, armed: true };
    if (pointsAlike(known.entry, wanted) && known.armed === asks(wanted)) {
      known.entry = wanted;
      return false;
    }
    this.#entries.set(cpu, { entry: wanted, armed: asks(wanted) });
    return true;
  }

  forget(cpu: CpuIndex): void {
    this.#entries.delete(cpu);
  }
}

function pointsAlike(a: OutboundEntry, b: OutboundEntry): boolean {
  if (a.kind === "none" || b.kind === "none") return a.kind === b.kind;
  if (a.kind === "stub") return b.kind === "stub" && a.owner === b.owner && a.sa === b.sa;
  return a.kind === b.kind && a.sa === b.sa;
}
