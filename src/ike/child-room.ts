/**
 * How many Child SAs, and for how many pairs of selectors, one IKE SA may have. All peers share the room in the data plane, so no peer gets more of it
 * than its connection's children can use, however it narrows their selectors (RFC 7296 §2.9), and however little it deletes.
 */
import { selectorSetKey } from "../ipsec/selectors.ts";
import { memberLimit } from "../multisa/member-limit.ts";
import { NotifyType } from "../wire/iana/index.ts";
import type { Payload } from "../wire/payload.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";
import type { ChildSa } from "./child-sa.ts";
import type { ChildConfig } from "./config.ts";
import { NoAgreement } from "./errors.ts";
import type { GroupBinding } from "./group-binding.ts";
import type { IkeSa } from "./ike-sa.ts";

/** Pairs of selectors that a peer may narrow a child to when nothing is said of it. */
const DEFAULT_TS_PAIRS = 8;

export interface WantedChild {
  readonly config: ChildConfig;
  /** As they are agreed. */
  readonly localTs: readonly TrafficSelector[];
  readonly remoteTs: readonly TrafficSelector[];
  /** For a rekey, the one to be succeeded. */
  readonly old: ChildSa | undefined;
  /** Of the peer's request. */
  readonly payloads: readonly Payload[];
}

/**
 * Is there room for what the peer asks for?
 *
 * @throws NoAgreement with NO_ADDITIONAL_SAS (RFC 7296 §1.3); for a further Child SA of a group in the group's words (RFC 9611 §6); or with
 *   TEMPORARY_FAILURE when the peer has only to let go of what it has replaced
 */
export function requireRoom(ikeSa: IkeSa, { config, localTs, remoteTs, old, payloads }: WantedChild): void {
  const limit = childSaLimit(ikeSa);
  // A rekey makes none the more, once its peer has deleted the old one: so there is room for a second one of each.
  if (ikeSa.childSasPresent >= 2 * limit) {
    const text = `there are ${ikeSa.childSasPresent} Child SAs with those that were replaced or deleted just now, twice the limit of ${limit} for this IKE SA`;
    throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, text);
  }
  if (old !== undefined) return;
  const known = ikeSa.groups.get(selectorSetKey(localTs, remoteTs));
  if (ikeSa.children.size >= limit) {
    const inWordsOfGroup = known === undefined || known.isEmpty ? undefined : known.refusalOf(payloads);
    const text = `there are ${ikeSa.children.size} Child SAs on this IKE SA, the limit for the children of ${ikeSa.connectionName} is ${limit} (max_sas, max_ts_pairs)`;
    throw new NoAgreement(inWordsOfGroup ?? NotifyType.NO_ADDITIONAL_SAS, text);
  }
  if (known?.isEmpty === false || hasRoomForGroup(ikeSa, config)) return;
  const text = `there are Child SAs for ${maxTsPairsOf(config)} pairs of selectors of ${config.name}, which is the limit (max_ts_pairs)`;
  throw new NoAgreement(NotifyType.NO_ADDITIONAL_SAS, text);
}

/** For Child SAs of one more pair of selectors. */
export function hasRoomForGroup(ikeSa: IkeSa, config: ChildConfig): boolean {
  return groupsOf(ikeSa, config).filter(({ isEmpty }) => !isEmpty).length < maxTsPairsOf(config);
}

/** Groups that idleness has emptied wait for packets; where there are too many, those that were there first do no longer. */
export function makeRoomForGroup(ikeSa: IkeSa, config: ChildConfig, now: number): void {
  const groups = groupsOf(ikeSa, config);
  const tooMany = groups.length + 1 - maxTsPairsOf(config);
  const empty = groups.filter(({ isEmpty }) => isEmpty).slice(0, Math.max(0, tooMany));
  for (const group of empty) {
    const { key } = group;
    group.end(now);
    if (key !== undefined) ikeSa.groups.delete(key);
  }
}

const groupsOf = (ikeSa: IkeSa, { name }: ChildConfig): GroupBinding[] =>
  [...ikeSa.groups.values()].filter(({ config }) => config.name === name);

/** A peer may take one selector of each side at a time, so there is room for all the pairs that are configured. */
const configuredPairs = ({ localTs, remoteTs }: ChildConfig): number => localTs.length * remoteTs.length;

const maxTsPairsOf = (config: ChildConfig): number => config.maxTsPairs ?? Math.max(DEFAULT_TS_PAIRS, configuredPairs(config));

/** What all its children may have together. */
function childSaLimit(ikeSa: IkeSa): number {
  const children = ikeSa.config?.children ?? [];
  return children.reduce((sum, config) => sum + shareOf(ikeSa, config), 0);
}

/** Full groups for the pairs that the operator has named or counted; one Child SA for each of the others. */
function shareOf(ikeSa: IkeSa, config: ChildConfig): number {
  const { cpus } = ikeSa.services;
  // What was agreed may be more than what is configured (cpu-queues).
  const limits = groupsOf(ikeSa, config).map(({ limit }) => limit);
  const fullGroup = Math.max(memberLimit({ ...config, cpus }, cpus.length, 0), ...limits);
  const fullGroups = config.maxTsPairs ?? configuredPairs(config);
  return fullGroups * fullGroup + (maxTsPairsOf(config) - fullGroups);
}
