/**
 * What the operator of an initiator is told when the peer says no. Why it does so is the peer's to know, and for its own operator; what can be
 * said here is what was asked for, which is what has to be held against the configuration there.
 */
import { NotifyType } from "../wire/iana/index.ts";
import type { Proposal } from "../wire/proposal.ts";
import { formatTrafficSelector } from "../wire/traffic-selector.ts";
import type { ChildPlan } from "./child-offer.ts";
import type { ConnectionConfig } from "./config.ts";
import { formatIdentity } from "./identity.ts";
import { listText } from "./list-text.ts";
import { describeProposals } from "./proposals.ts";

/** `notifyType`: iana NotifyType, as in all of these. */
export function initRefusalText(notifyType: number, proposals: readonly Proposal[]): string {
  const detail = notifyType === NotifyType.NO_PROPOSAL_CHOSEN ? ` Proposed was ${describeProposals(proposals)}.` : "";
  return `The peer refused IKE_SA_INIT: ${NotifyType.nameOf(notifyType)}.${detail}`;
}

/** `how` this end has proved itself. The peer tells nobody why it does not believe, so that nobody can probe for identities (RFC 7296 §2.21.2). */
export function authRefusalText(notifyType: number, { local, remote }: ConnectionConfig, how: string): string {
  const asked = remote.id === "%any" ? "" : ` and was asked for as ${formatIdentity(remote.id)}`;
  const detail =
    notifyType === NotifyType.AUTHENTICATION_FAILED
      ? ` It knows why, and its log may say so: it was shown ${formatIdentity(local.id)} by ${how}${asked}.`
      : "";
  return `The peer refused IKE_AUTH: ${NotifyType.nameOf(notifyType)}.${detail}`;
}

/** Ends without a full stop. */
export function childRefusalText(notifyType: number, { config, localTs, remoteTs }: ChildPlan): string {
  const name = NotifyType.nameOf(notifyType);
  switch (notifyType) {
    case NotifyType.NO_PROPOSAL_CHOSEN:
      return `${name}; proposed was ${describeProposals(config.espProposals)}`;
    case NotifyType.TS_UNACCEPTABLE: {
      const [ours, theirs] = [localTs, remoteTs].map((selectors) => listText(selectors.map(formatTrafficSelector)));
      return `${name}; asked for was traffic from ${ours ?? ""} to ${theirs ?? ""}`;
    }
    case NotifyType.FAILED_CP_REQUIRED:
      return `${name}; the peer wants us to ask for a virtual address (vips)`;
    case NotifyType.INTERNAL_ADDRESS_FAILURE:
      return `${name}; the peer has no virtual address for us now`;
    default:
      return name;
  }
}
