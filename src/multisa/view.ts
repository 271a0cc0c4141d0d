/** A group as `hawser status` shows it. */
import type { ChildSaId, CpuIndex } from "../ipsec/names.ts";
import type { OutboundEntry } from "../ipsec/sadb.ts";
import type { GroupMode } from "./events.ts";
import type { SchemeName } from "./scheme.ts";

export interface GroupView {
  readonly scheme: SchemeName;
  readonly mode: GroupMode;
  /** Why it is in this mode, in words. */
  readonly reason: string | undefined;
  readonly members: readonly {
    readonly sa: ChildSaId;
    readonly cpu: CpuIndex;
    readonly shared: boolean;
    readonly role: "initiator" | "responder";
  }[];
  /** Cap on members. */
  readonly limit: number;
  readonly cpus: readonly {
    readonly cpu: CpuIndex;
    readonly entry: OutboundEntry;
    /** Why it has no SA of its own, in words; undefined when it has one. */
    readonly why: string | undefined;
  }[];
}
