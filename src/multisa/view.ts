/** A group as `hawser status` shows it. */
import type { ChildSaId, CpuIndex } from "../ipsec/names.ts";
import type { OutboundEntry } from "../ipsec/sadb.ts";
import type { GroupMode } from "./events.ts";
import type { SchemeName } from "./scheme.ts";

export interface GroupView {
  readonly scheme: SchemeName;
  readonly mode: GroupMode;
  /** Why not every CPU gets an SA of its own, in words; undefined in mode "per-cpu". */
  readonly reason: string | undefined;
  readonly members: readonly MemberView[];
  /** Cap on members. */
  readonly limit: number;
  readonly cpus: readonly CpuView[];
}

export interface MemberView {
  readonly sa: ChildSaId;
  readonly cpu: CpuIndex;
  readonly shared: boolean;
  /** Who asked for it. */
  readonly role: "initiator" | "responder";
  readonly confirmed: boolean;
}

export interface CpuView {
  readonly cpu: CpuIndex;
  readonly entry: OutboundEntry;
  /** Why it has no SA of its own, in words; undefined when it has one. */
  readonly why: string | undefined;
  /** The instant before which it does not ask for one; undefined when it has one, or nothing but a packet is missing. */
  readonly silentUntil: number | undefined;
}
