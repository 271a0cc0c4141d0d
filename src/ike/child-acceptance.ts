/** The responder's half of negotiating a Child SA, whichever exchange carries it: which child it is, what is agreed, and for which CPU. */
import { formatConfiguredSelector, type ConfiguredSelector } from "../ipsec/dynamic-selectors.ts";
import type { CpuIndex } from "../ipsec/names.ts";
import { contains, narrow, selectorSetKey } from "../ipsec/selectors.ts";
import type { Purpose } from "../multisa/notifies.ts";
import { NotifyType } from "../wire/iana/index.ts";
import type { Payload } from "../wire/payload.ts";
import { formatTrafficSelector, type TrafficSelector } from "../wire/traffic-selector.ts";
import type { AgreedChild } from "./child-offer.ts";
import type { ChildSa } from "./child-sa.ts";
import { selectorsInForce } from "./child-selectors.ts";
import type { ChildConfig } from "./config.ts";
import { NoAgreement } from "./errors.ts";
import { GroupBinding } from "./group-binding.ts";
import type { IkeSa } from "./ike-sa.ts";
import { espAlgorithmOf } from "./child-keys.ts";
import { requireRoom } from "./child-room.ts";
import { listText } from "./list-text.ts";
import { chooseProposal, requireEspSpi, withoutKeyExchange } from "./proposals.ts";
import { only, required } from "./required.ts";
import { asksForTransport, betweenEnds } from "./transport-mode.ts";

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
 * @throws NoAgreement with TS_UNACCEPTABLE, NO_PROPOSAL_CHOSEN, NO_ADDITIONAL_SAS, or what the group refuses with
 */
export function acceptChild(ikeSa: IkeSa, payloads: readonly Payload[], old: ChildSa | undefined, inIkeAuth: boolean): ChildAcceptance {
  const tsi = required(payloads, "TSi").selectors;
  const tsr = required(payloads, "TSr").selectors;
  const configs = old === undefined ? (ikeSa.config?.children ?? []) : [old.parameters.config];
  const match = matchSelectors(ikeSa, configs, tsi, tsr);
  const { config } = match;
  const { mode, localTs, remoteTs } = inMode(ikeSa, match, asksForTransport(payloads), old);
  const known = old === undefined ? ikeSa.groups.get(selectorSetKey(localTs, remoteTs)) : undefined;
  requireRoom(ikeSa, { config, localTs, remoteTs, old, payloads });
  const espProposals = known === undefined || known.isEmpty ? config.espProposals : known.proposalsForMore;
  const ours = inIkeAuth ? withoutKeyExchange(espProposals) : espProposals;
  const chosen = chooseProposal(ours, required(payloads, "SA").proposals, only(payloads, "KE")?.method);
  const spiOut = requireEspSpi(chosen);
  espAlgorithmOf(chosen.transforms);
  const agreed = { chosen, spiOut, mode, localTs, remoteTs };
  if (old !== undefined) {
    const group = groupOf(ikeSa, old);
    return { config, agreed, group, purpose: "rekey", ...group.seatForRekey(old) };
  }
  const group = known ?? new GroupBinding(ikeSa.services, ikeSa, ikeSa.connectionName, config);
  const purpose = known === undefined ? "first" : "additional";
  return { config, agreed, group, purpose, ...group.admit(payloads) };
}

/**
 * Transport mode where both ends want it and the addresses are such; else a tunnel (§1.3.1). The successor of a Child SA, and further members of a
 * group (RFC 9611 §3), have the mode that there is: the peer is not given a tunnel in the place of transport mode without having asked for one.
 */
function inMode(
  ikeSa: IkeSa,
  match: SelectorMatch,
  asked: boolean,
  old: ChildSa | undefined,
): Pick<AgreedChild, "mode" | "localTs" | "remoteTs"> {
  const ends = asked && match.config.mode === "transport" ? betweenEnds(match, ikeSa.addresses) : undefined;
  const wished = { mode: ends === undefined ? "tunnel" : "transport", ...(ends ?? match) } as const;
  const group = ikeSa.groups.get(selectorSetKey(wished.localTs, wished.remoteTs));
  const given = old?.parameters.mode ?? (group === undefined || group.isEmpty ? wished.mode : group.mode);
  if (given === "transport" && wished.mode === "tunnel")
    throw new NoAgreement(
      NotifyType.NO_PROPOSAL_CHOSEN,
      `the Child SA of ${match.config.name} that there is has transport mode, as this one must have`,
    );
  return { ...wished, mode: given };
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
function matchSelectors(
  ikeSa: IkeSa,
  configs: readonly ChildConfig[],
  tsi: readonly TrafficSelector[],
  tsr: readonly TrafficSelector[],
): SelectorMatch {
  const matches = configs
    .map((config) => ({ config, ...selectorsInForce(config, ikeSa) }))
    .map(({ config, localTs, remoteTs }) => ({ config, localTs: narrow(localTs, tsr), remoteTs: narrow(remoteTs, tsi) }))
    .filter(({ localTs, remoteTs }) => localTs.length > 0 && remoteTs.length > 0);
  const best = matches.find(({ localTs, remoteTs }) => covers(localTs, tsr[0]) && covers(remoteTs, tsi[0])) ?? matches[0];
  if (best !== undefined) return best;
  const format = (selectors: readonly TrafficSelector[]): string => listText(selectors.map(formatTrafficSelector));
  const formatConfigured = (selectors: readonly ConfiguredSelector[]): string => listText(selectors.map(formatConfiguredSelector));
  const children = configs.map(
    ({ name, localTs, remoteTs }) => `${name} from ${formatConfigured(remoteTs)} to ${formatConfigured(localTs)}`,
  );
  const configured = children.length === 0 ? "none" : listText(children, "; ");
  const asked = `no child is configured for traffic from ${format(tsi)} to ${format(tsr)}`;
  throw new NoAgreement(NotifyType.TS_UNACCEPTABLE, `${asked}; configured is ${configured}`);
}

const covers = (answer: readonly TrafficSelector[], first: TrafficSelector | undefined): boolean =>
  first !== undefined && answer.some((selector) => contains(selector, first));
