/** What an initiator within an IKE SA does about INVALID_KE_PAYLOAD (RFC 7296 §1.3): it asks once more, with the method that the peer names. */
import { NotifyType } from "../wire/iana/index.ts";
import { invalidKeMethodOf } from "../wire/notify.ts";
import type { NotifyPayload } from "../wire/payload.ts";
import type { Proposal } from "../wire/proposal.ts";
import { keyExchangesOf } from "./proposals.ts";

/**
 * The key exchange method to try next; undefined when the refusal stands: it is another one, or the method is none of ours, or the one that was
 * sent.
 */
export function methodToRetry(refusal: NotifyPayload, sent: number | undefined, proposals: readonly Proposal[]): number | undefined {
  if (refusal.notifyType !== NotifyType.INVALID_KE_PAYLOAD) return undefined;
  const wanted = invalidKeMethodOf(refusal);
  return wanted !== sent && keyExchangesOf(proposals).includes(wanted) ? wanted : undefined;
}
