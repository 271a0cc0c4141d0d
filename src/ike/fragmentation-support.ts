/** Agreeing on IKE fragmentation in IKE_SA_INIT (RFC 7383 §2.3): both ends say that they can put fragments together. */
import { NotifyType } from "../wire/iana/index.ts";
import { findNotify, notify } from "../wire/notify.ts";
import type { NotifyPayload, Payload } from "../wire/payload.ts";
import type { ConnectionConfig } from "./config.ts";

/** What both ends' IKEV2_FRAGMENTATION_SUPPORTED allow. */
export interface Fragmentation {
  /** The peer's fragments are put together. */
  readonly accepts: boolean;
  /** Our own long messages are fragmented. */
  readonly sends: boolean;
}

export const NO_FRAGMENTATION: Fragmentation = { accepts: false, sends: false };

/** Ours. A responder answers for all connections that IKE_AUTH may still decide for. */
export function fragmentationNotifies(candidates: readonly ConnectionConfig[]): NotifyPayload[] {
  return candidates.some(({ fragmentation }) => fragmentation !== "no") ? [notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)] : [];
}

/** What follows from ours and the peer's `payloads`. */
export function agreeOnFragmentation(candidates: readonly ConnectionConfig[], payloads: readonly Payload[]): Fragmentation {
  const isSupported = findNotify(payloads, NotifyType.IKEV2_FRAGMENTATION_SUPPORTED) !== undefined;
  const accepts = isSupported && candidates.some(({ fragmentation }) => fragmentation !== "no");
  return { accepts, sends: accepts && candidates.some(({ fragmentation }) => fragmentation === "yes") };
}
