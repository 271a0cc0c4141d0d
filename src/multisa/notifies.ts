/** The Notify payloads of the three schemes, as a group sees them: meaning only. src/ike knows their octets and type numbers. */

/** RFC 9611 §5, in both directions on every Child SA of a group. The identifier is opaque to its receiver, and may be empty. */
export interface SaResourceInfo {
  readonly kind: "SA_RESOURCE_INFO";
  readonly identifier: Uint8Array;
}

/** draft-pwouters-ipsecme-multi-sa-performance, on the first Child SA: how many parallel SAs the sender would like at least. */
export interface CpuQueues {
  readonly kind: "CPU_QUEUES";
  readonly count: number;
}

/** The same draft, on each additional Child SA. */
export interface CpuQueueInfo {
  readonly kind: "CPU_QUEUE_INFO";
  readonly identifier: Uint8Array;
}

export type GroupNotify = SaResourceInfo | CpuQueues | CpuQueueInfo;

/** What a Child SA is negotiated for: the first of its selectors, one more for a CPU, or the successor of one that is there. */
export type Purpose = "first" | "additional" | "rekey";

/** The answer to one Child SA too many: by RFC 9611 §6, or for peers that do not know it. Both leave the IKE SA as it is (RFC 7296 §2.21.2). */
export type RefusalNotify = "TS_MAX_QUEUE" | "TS_UNACCEPTABLE";

export function findGroupNotify<Kind extends GroupNotify["kind"]>(
  notifies: readonly GroupNotify[],
  kind: Kind,
): Extract<GroupNotify, { readonly kind: Kind }> | undefined {
  return notifies.find((notify): notify is Extract<GroupNotify, { readonly kind: Kind }> => notify.kind === kind);
}
