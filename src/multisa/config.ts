/** What the operator says about a group of Child SAs, and its own timing. Durations in milliseconds. */
import type { OnMissingSa } from "../ipsec/sadb.ts";
import type { SchemeName, SchemeSettings } from "./scheme.ts";

/** `cpus`: those of this host that send, at least one. `maxSas` undefined: twice the CPUs, or what was agreed. */
export interface GroupConfig extends SchemeSettings {
  /** False: one plain Child SA, whatever the peer offers; what it makes beyond that on its own account is accepted up to the limit. */
  readonly perCpuSas: boolean;
  readonly scheme: SchemeName;
  readonly onMissingSa: OnMissingSa;
  readonly timing: GroupTiming;
}

export interface GroupTiming {
  /** After the peer refused another Child SA for these selectors, none is asked for so long, unless a member goes away before. */
  readonly refusalHoldTime: number;
  /** After a temporary failure a CPU waits so long, doubled with each failure up to `lastBackOff`, plus up to half of it at random. */
  readonly firstBackOff: number;
  readonly lastBackOff: number;
  /** Requests of one group that may be under way at once; further CPUs that ask wait for their turn. */
  readonly maxPendingCreates: number;
}

export const DEFAULT_GROUP_TIMING: GroupTiming = {
  refusalHoldTime: 60_000,
  firstBackOff: 1000,
  lastBackOff: 30_000,
  maxPendingCreates: 64,
};

/** No group has more members, whatever is configured or agreed. */
export const HARD_MAX_SAS = 4096;
