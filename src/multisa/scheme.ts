/**
 * A scheme is how two ends agree that one selector set runs on many Child SAs. The three (schemes/) differ in what they say on the wire and in what
 * they promise, and in nothing else: a group behaves the same over each of them.
 */
import type { CpuIndex } from "../ipsec/names.ts";
import type { GroupNotify, RefusalNotify } from "./notifies.ts";

/** rfc9611: RFC 9611; cpu-queues: the draft of 2022 with its Fallback SA; stub: no negotiation at all. */
export type SchemeName = "rfc9611" | "cpu-queues" | "stub";

/** How a group runs, as far as the notifies of its first Child SA tell. `count`: the SAs that both ends agreed to allow at least. */
export type Decision =
  { readonly mode: "per-cpu"; readonly count: number | undefined } | { readonly mode: "single"; readonly reason: string };

/** What of a group's configuration a scheme looks at. */
export interface SchemeSettings {
  readonly cpus: readonly CpuIndex[];
  readonly maxSas: number | undefined;
  /** As responder: the larger count may be so many times the smaller one; 0: any. */
  readonly maxCpuRatio: number;
}

export interface Scheme {
  readonly name: SchemeName;
  /** The first Child SA is for every CPU to send on, and stays while others live. */
  readonly hasFallbackSa: boolean;
  /** Rekeys carry {@link describe} too. Their receiver must do without (RFC 9611 §3). */
  readonly describesRekeys: boolean;
  /** The answer to one Child SA too many in a group that runs by this scheme. */
  readonly refusal: RefusalNotify;
  /** What goes with the first Child SA. `identifier`: that of the SA's CPU. */
  readonly offer: (settings: SchemeSettings, identifier: Uint8Array) => readonly GroupNotify[];
  readonly isOffered: (peer: readonly GroupNotify[]) => boolean;
  /** What goes with each further one. */
  readonly describe: (identifier: Uint8Array) => readonly GroupNotify[];
  readonly isDescribed: (peer: readonly GroupNotify[]) => boolean;
  /**
   * What the exchange of the first Child SA comes to, seen from an end that wants the scheme. `peer`: the notifies of the request (for a responder)
   * or of the answer (for an initiator). Both ends come to the same, since a responder that decides for "single" answers without {@link offer}.
   */
  readonly decide: (settings: SchemeSettings, role: "initiator" | "responder", peer: readonly GroupNotify[]) => Decision;
}
