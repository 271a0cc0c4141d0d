/** The responder's half of negotiating a Child SA, whichever exchange carries it: which child it is, what is agreed, and for which CPU. */
import type { CpuIndex } from "../ipsec/names.ts";
import { contains, narrow, selectorSetKey } from "../ipsec/selectors.ts";
import type { Purpose } from "../multisa/notifies.ts";
import { NotifyType } from "../wire/iana/index.ts";
import type { Payload } from "../wire/payload.ts";
import { formatTrafficSelector, type TrafficSelector } from "../wire/traffic-selector.ts";
import type { AgreedChild } from "./child-offer.ts";
import type { ChildSa } from "./child-sa.ts";
import type { ChildConfig } from "./config.ts";
import { NoAgreement } from "./errors.ts";
import { GroupBinding } from "./group-binding.ts";
import type { IkeSa } from "./ike-sa.ts";
import { espAlgorithmOf } from "./child-keys.ts";
import { chooseProposal, requireEspSpi, withoutKeyExchange } from "./proposals.ts";
import { only, required } from "./required.ts";

export interface ChildAcceptance {
  readonly config: ChildConfig;
  readonly agreed: AgreedChild;
  readonly group: GroupBinding;
  readonly purpose: Purpose;
  readonly cpu: CpuIndex;
  readonly shared: boolean;
}

interface SelectorMatch {
  readonly config: ChildConfig;
  readonly localTs: readonly TrafficSelector[];
  readonly remoteTs: readonly TrafficSelector[];
}

/**
 * Decides about a request's SA, TSi and TSr payloads. Keeps nothing and changes nothing but a group's opinion of its peer.
 *
 * @param old the Child SA to be succeeded, for a rekey
 * @throws NoAgreement with TS_UNACCEPTABLE, NO_PROPOSAL_CHOSEN, or what the group refuses with
 */
export function acceptChild(ikeSa: IkeSa, payloads: readonly Payload[], old: ChildSa | undefined, inIkeAuth: boolean): ChildAcceptance {
  const tsi = required(payloads, "TSi").selectors;
  const tsr = required(payloads, "TSr").selectors;
  if (!ikeSa.nat.supported) {
    throw new NoAgreement(NotifyType.NO_PROPOSAL_CHOSEN, "the peer does not support NAT traversal, and ESP without UDP is not implemented");
  }
  const configs = old === undefined ? (ikeSa.config?.children ?? []) : [old.parameters.config];
  const { config, localTs, remoteTs } = matchSelectors(configs, tsi, tsr);
  const known = old === undefined ? ikeSa.groups.get(selectorSetKey(localTs, remoteTs)) : undefined;
  const espProposals = known === undefined || known.isEmpty ? config.espProposals : known.proposalsForMore;
  const ours = inIkeAuth ? withoutKeyExchange(espProposals) : espProposals;
  const chosen = chooseProposal(ours, required(payloads, "SA").proposals, only(payloads, "KE")?.method);
  const spiOut = requireEspSpi(chosen);
  espAlgorithmOf(chosen.transforms);
  const agreed = { chosen, spiOut, localTs, remoteTs };
  if (old !== undefined) {
    const group = groupOf(ikeSa, old);
    return { config, agreed, group, purpose: "rekey", ...group.seatForRekey(old) };
  }
  const group = known ?? new GroupBinding(ikeSa.services, ikeSa, ikeSa.connectionName, config);
  const purpose = known === undefined ? "first" : "additional";
  return { config, agreed, group, purpose, ...group.admit(payloads) };
}

/** The group that a Child SA is a member of. */
export function groupOf(ikeSa: IkeSa, child: ChildSa): GroupBinding {
  for (const group of ikeSa.groups.values()) {
    if (group === child.group) return group;
  }
  throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, `Child SA ${child.name} has no group any more`);
}

/**
 * The first child of the configuration whose answer would cover the packet that asked, which is in the first selector of each side; else the
 * first that has anything in common with what the peer proposes (§2.9).
 */
function matchSelectors(configs: readonly ChildConfig[], tsi: readonly TrafficSelector[], tsr: readonly TrafficSelector[]): SelectorMatch {
  const matches = configs
    .map((config) => ({ config, localTs: narrow(config.localTs, tsr), remoteTs: narrow(config.remoteTs, tsi) }))
    .filter(({ localTs, remoteTs }) => localTs.length > 0 && remoteTs.length > 0);
  const best = matches.find(({ localTs, remoteTs }) => covers(localTs, tsr[0]) && covers(remoteTs, tsi[0])) ?? matches[0];
  if (best !== undefined) return best;
  const format = (selectors: readonly TrafficSelector[]): string => selectors.map(formatTrafficSelector).join(", ");
  throw new NoAgreement(NotifyType.TS_UNACCEPTABLE, `no child is configured for traffic from ${format(tsi)} to ${format(tsr)}`);
}

const covers = (answer: readonly TrafficSelector[], first: TrafficSelector | undefined): boolean =>
  first !== undefined && answer.some((selector) => contains(selector, first));
