/** What happens to a group of Child SAs, and what it wants done. Both are plain data; actions are to be carried out in their order, at once. */
import type { ChildSaId, CpuIndex } from "../ipsec/names.ts";
import type { OutboundEntry } from "../ipsec/sadb.ts";
import type { GroupNotify } from "./notifies.ts";

/**
 * "undecided" until the first Child SA stands; "per-cpu": more may follow; "single": one Child SA carries everything (the peer knows nothing of the
 * scheme, one end said no, or it is switched off).
 */
export type GroupMode = "undecided" | "single" | "per-cpu";

/**
 * Why an additional Child SA did not come. The names of RFC 7296 are the peer's answer; "timeout": no answer; "abandoned": the request was taken
 * back unsent; "other": any other error notify, or an answer that is no use.
 */
export type RefusalReason =
  "TS_MAX_QUEUE" | "TS_UNACCEPTABLE" | "NO_ADDITIONAL_SAS" | "NO_PROPOSAL_CHOSEN" | "TEMPORARY_FAILURE" | "timeout" | "abandoned" | "other";

export interface Established {
  readonly kind: "established";
  readonly sa: ChildSaId;
  /** Where it was installed: what `create`, {@link ChildSaGroup.admit} or {@link ChildSaGroup.cpuForRekey} said. */
  readonly cpu: CpuIndex;
  /** As installed. */
  readonly shared: boolean;
  /** Of the exchange that made it. */
  readonly role: "initiator" | "responder";
  /** It was negotiated as the first of its selectors: by both ends at once, more than one may have been. */
  readonly first: boolean;
  /** The peer surely has it too, so that its outbound half may be used. A responder knows only later: {@link GroupEvent} "confirmed". */
  readonly confirmed: boolean;
  /** What the peer sent along: in its answer to an initiator, in its request to a responder. */
  readonly peerNotifies: readonly GroupNotify[];
  readonly rekeyOf?: ChildSaId | undefined;
}

export type GroupEvent =
  /** A packet on this CPU met an entry that asks. */
  | { readonly kind: "acquire"; readonly cpu: CpuIndex }
  | Established
  | { readonly kind: "confirmed"; readonly sa: ChildSaId }
  /** A `create` came to nothing. */
  | { readonly kind: "refused"; readonly cpu: CpuIndex; readonly why: RefusalReason }
  /** Another group's request met NO_ADDITIONAL_SAS, which is about the whole IKE SA (RFC 7296 §1.3). */
  | { readonly kind: "noAdditionalSas" }
  /** Nothing has passed for the idle timeout, in either direction. */
  | { readonly kind: "idle"; readonly sa: ChildSaId }
  /** It must not be used any more. Unknown ones are ignored. */
  | { readonly kind: "deleted"; readonly sa: ChildSaId; readonly by: "local" | "peer" | "expired" }
  | { readonly kind: "cpuAdded"; readonly cpu: CpuIndex }
  | { readonly kind: "cpuRemoved"; readonly cpu: CpuIndex }
  /** With all its Child SAs, and without a Delete for each. */
  | { readonly kind: "ikeSaGone" };

export type GroupAction =
  /** Negotiate a Child SA with the group's selectors for this CPU; ends in "established" or "refused". An empty group asks for its first one. */
  | { readonly kind: "create"; readonly cpu: CpuIndex }
  | { readonly kind: "setEntry"; readonly cpu: CpuIndex; readonly entry: OutboundEntry }
  /** Close it; nothing points to it any more. */
  | { readonly kind: "delete"; readonly sa: ChildSaId; readonly why: string }
  /** Rekey it now, onto the CPU that {@link ChildSaGroup.cpuForRekey} names: its own is not there any more. */
  | { readonly kind: "rekey"; readonly sa: ChildSaId }
  /** For the log: what was decided or got worse, in a sentence. `about`: "mode" when {@link ChildSaGroup.mode} was decided or changed. */
  | { readonly kind: "report"; readonly about: "mode" | "refused" | "degraded"; readonly text: string };
