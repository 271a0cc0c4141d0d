/** Short ways to write down configurations, entries and events. */
import { childSaId, cpuIndex, type ChildSaId, type CpuIndex } from "../../../src/ipsec/names.ts";
import type { OutboundEntry } from "../../../src/ipsec/sadb.ts";
import { DEFAULT_GROUP_TIMING, type GroupConfig } from "../../../src/multisa/config.ts";
import type { Established, GroupAction } from "../../../src/multisa/events.ts";
import { ChildSaGroup } from "../../../src/multisa/group.ts";
import type { GroupNotify } from "../../../src/multisa/notifies.ts";
import { seededRandom } from "../../ike/harness/random.ts";

export const sa = (number: number): ChildSaId => childSaId(number);
export const cpu = (number: number): CpuIndex => cpuIndex(number);
export const cpus = (count: number): CpuIndex[] => Array.from({ length: count }, (_, index) => cpuIndex(index));

/** Two CPUs, rfc9611, resteer, no other limits than the defaults. */
export function groupConfig(changes: Partial<GroupConfig> = {}): GroupConfig {
  return {
    perCpuSas: true,
    scheme: "rfc9611",
    onMissingSa: "resteer",
    cpus: cpus(2),
    maxSas: undefined,
    maxCpuRatio: 16,
    timing: DEFAULT_GROUP_TIMING,
    ...changes,
  };
}

/** Octets that are the same for the same seed. */
export function seededOctets(seed: number): (octets: number) => Uint8Array {
  const random = seededRandom(seed);
  return (octets) => Uint8Array.from({ length: octets }, () => random.below(256));
}

export const newGroup = (changes: Partial<GroupConfig> = {}): ChildSaGroup => new ChildSaGroup(groupConfig(changes), seededOctets(9611));

export const RESOURCE_INFO: GroupNotify = { kind: "SA_RESOURCE_INFO", identifier: Uint8Array.of() };
export const CPU_QUEUE_INFO: GroupNotify = { kind: "CPU_QUEUE_INFO", identifier: Uint8Array.of() };
export const cpuQueues = (count: number): GroupNotify => ({ kind: "CPU_QUEUES", count });

type Details = Partial<Omit<Established, "kind">>;

/** The group's first Child SA, on CPU 0, asked for by us and answered by a peer that knows RFC 9611. */
export const first = (id: ChildSaId, details: Details = {}): Established => ({
  kind: "established",
  sa: id,
  cpu: cpu(0),
  shared: false,
  role: "initiator",
  first: true,
  confirmed: true,
  peerNotifies: [RESOURCE_INFO],
  ...details,
});

/** One more, for this CPU, asked for by us. */
export const additional = (id: ChildSaId, at: CpuIndex, details: Details = {}): Established =>
  first(id, { cpu: at, first: false, ...details });

/** What the peer asked for: it has our answer only later. */
export const answered: Details = { role: "responder", confirmed: false };

export const own = (id: ChildSaId): OutboundEntry => ({ kind: "own", sa: id });
export const shared = (id: ChildSaId, ask: boolean): OutboundEntry => ({ kind: "shared", sa: id, ask });
export const stub = (owner: CpuIndex, id: ChildSaId, ask: boolean): OutboundEntry => ({ kind: "stub", owner, sa: id, ask });
export const none = (ask: boolean): OutboundEntry => ({ kind: "none", ask });

/** Actions as short texts, reports by their subject only: "create 1", "CPU 1: stub to CPU 0, asks". */
export function told(actions: readonly GroupAction[]): string[] {
  return actions.map((action) => {
    switch (action.kind) {
      case "create":
        return `create ${action.cpu}`;
      case "setEntry":
        return `CPU ${action.cpu}: ${describeEntry(action.entry)}`;
      case "delete":
        return `delete ${action.sa}`;
      case "rekey":
        return `rekey ${action.sa}`;
      case "report":
        return `report ${action.about}`;
    }
  });
}

export function describeEntry(entry: OutboundEntry): string {
  const asks = entry.kind !== "own" && entry.ask ? ", asks" : "";
  switch (entry.kind) {
    case "none":
      return `none${asks}`;
    case "own":
      return `own ${entry.sa}`;
    case "stub":
      return `stub to CPU ${entry.owner} SA ${entry.sa}${asks}`;
    case "shared":
      return `shared ${entry.sa}${asks}`;
  }
}

/** What each CPU has, by the group's own view. */
export const entriesOf = (group: ChildSaGroup): string[] =>
  group.view().cpus.map(({ cpu: at, entry }) => `CPU ${at}: ${describeEntry(entry)}`);
