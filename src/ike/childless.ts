/** IKE SAs without a first Child SA (RFC 6023): who offers that, who asks for it, and what is refused. */
import { NotifyType } from "../wire/iana/index.ts";
import { notify } from "../wire/notify.ts";
import type { NotifyPayload, Payload } from "../wire/payload.ts";
import type { ConnectionConfig } from "./config.ts";
import { NoAgreement, PeerMisbehaved } from "./errors.ts";
import type { PeerAbilities } from "./peer-abilities.ts";

/**
 * A responder's offer (§3). It binds whichever connection IKE_AUTH decides for, so it is made only when all of them can keep it.
 *
 * @param candidates connections that IKE_AUTH may still decide for
 */
export function childlessNotifies(candidates: readonly ConnectionConfig[]): NotifyPayload[] {
  return candidates.every(({ childless }) => childless !== "never") ? [notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED)] : [];
}

/**
 * Whether the initiator leaves the Child SA out of IKE_AUTH.
 *
 * @throws NoAgreement, with a sentence for the operator, when it would have to and the peer cannot
 */
export function startsChildless({ childless, children }: ConnectionConfig, { takesChildless }: PeerAbilities): boolean {
  const mustBe = childless === "force" || children.length === 0;
  if (mustBe && !takesChildless) {
    const why = children.length === 0 ? "the connection has no children" : "childless: force demands them";
    throw new NoAgreement(NotifyType.NO_PROPOSAL_CHOSEN, `The peer takes no IKE SAs without a Child SA (RFC 6023), and ${why}.`);
  }
  return mustBe || (childless === "prefer" && takesChildless);
}

/**
 * Whether a request of IKE_AUTH asks for the IKE SA alone: all that is of a Child SA is left out (§3).
 *
 * @throws PeerMisbehaved for what the connection does not allow
 */
export function asksForChildless(payloads: readonly Payload[], { name, childless }: ConnectionConfig): boolean {
  const isChildless = !payloads.some(({ type }) => type === "SA" || type === "TSi" || type === "TSr");
  if (isChildless && childless === "never")
    throw new PeerMisbehaved(`it asks for an IKE SA without a Child SA, and "childless: never" of ${name} allows none`);
  if (!isChildless && childless === "force")
    throw new PeerMisbehaved(`it asks for a Child SA in IKE_AUTH, and "childless: force" of ${name} allows none there`);
  return isChildless;
}
