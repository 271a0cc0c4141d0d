/** Choosing among proposals (RFC 7296 §2.7, §3.3.6): pure decisions over SA payloads. */
import type { EspSpi } from "../ipsec/names.ts";
import {
  EncryptionAlgorithm,
  ExtendedSequenceNumbers,
  IntegrityAlgorithm,
  isAdditionalKeyExchange,
  KeyExchangeMethod,
  NotifyType,
  Prf,
  TransformType,
} from "../wire/iana/index.ts";
import type { Proposal, Transform } from "../wire/proposal.ts";
import { NoAgreement, PeerMisbehaved } from "./errors.ts";
import { espSpiFromOctets } from "./esp-spi.ts";
import { listText } from "./list-text.ts";

/** What one SA will be made of, by transform type; a type that is absent was not negotiated. */
export interface ChosenProposal {
  /** The number of the initiator's proposal that was chosen. */
  readonly number: number;
  readonly protocolId: number;
  /** The SPI of the peer, from its proposal. */
  readonly peerSpi: Uint8Array;
  readonly transforms: readonly Transform[];
}

export function transformOf(chosen: { readonly transforms: readonly Transform[] }, type: number): Transform | undefined {
  return chosen.transforms.find((transform) => transform.type === type);
}

/** The methods of the negotiated Additional Key Exchanges, in their order (RFC 9370 §2.2.1); NONE leaves one out. */
export function additionalKeyExchangesOf(chosen: { readonly transforms: readonly Transform[] }): number[] {
  return chosen.transforms
    .filter(({ type, id }) => isAdditionalKeyExchange(type) && id !== KeyExchangeMethod.NONE)
    .sort((a, b) => a.type - b.type)
    .map(({ id }) => id);
}

/** The negotiated key exchange method; undefined when there is none (no PFS). */
export function keyExchangeOf(chosen: { readonly transforms: readonly Transform[] }): number | undefined {
  const id = transformOf(chosen, TransformType.KE)?.id;
  return id === KeyExchangeMethod.NONE ? undefined : id;
}

/**
 * The responder's choice: our order of preference decides, except that a proposal that the peer's KE payload already serves goes before one
 * that would cost an INVALID_KE_PAYLOAD round trip.
 *
 * @param offeredKe the method of the peer's KE payload, if it sent one
 * @throws NoAgreement NO_PROPOSAL_CHOSEN
 */
export function chooseProposal(
  configured: readonly Proposal[],
  offered: readonly Proposal[],
  offeredKe: number | undefined,
): ChosenProposal {
  const matches = configured.flatMap((ours) => offered.flatMap((theirs) => matchProposal(ours, theirs, offeredKe) ?? []));
  const best = matches.find((match) => keyExchangeOf(match) === offeredKe) ?? matches[0];
  if (best === undefined) {
    const text = `none of the peer's proposals is configured: proposed is ${describeProposals(offered)}; configured is ${describeProposals(configured)}`;
    throw new NoAgreement(NotifyType.NO_PROPOSAL_CHOSEN, text);
  }
  return best;
}

function matchProposal(ours: Proposal, theirs: Proposal, preferredKe: number | undefined): ChosenProposal | undefined {
  if (ours.protocolId !== theirs.protocolId) return undefined;
  const options = transformTypes(ours, theirs).map((type) =>
    acceptableTransforms(ofType(ours, type), ofType(theirs, type), type === TransformType.KE ? preferredKe : undefined),
  );
  const transforms = chooseOneOfEach(options, new Set());
  if (transforms === undefined) return undefined;
  return { number: theirs.number, protocolId: theirs.protocolId, peerSpi: theirs.spi.slice(), transforms };
}

/** The first of each type, except that no key exchange method may come twice (RFC 9370 §2.2.1): then the next best that differs. */
function chooseOneOfEach([options, ...rest]: readonly (readonly Option[])[], used: ReadonlySet<number>): Transform[] | undefined {
  if (options === undefined) return [];
  for (const option of options) {
    const isExchange = option !== "absent" && isKeyExchange(option.type) && option.id !== KeyExchangeMethod.NONE;
    if (isExchange && used.has(option.id)) continue;
    const others = chooseOneOfEach(rest, isExchange ? new Set([...used, option.id]) : used);
    if (others !== undefined) return option === "absent" ? others : [option, ...others];
  }
  return undefined;
}

function transformTypes(a: Proposal, b: Proposal): number[] {
  return [...new Set([...a.transforms, ...b.transforms].map(({ type }) => type))].sort((x, y) => x - y);
}

const ofType = (proposal: Proposal, type: number): Transform[] => proposal.transforms.filter((transform) => transform.type === type);

type Option = Transform | "absent";

/**
 * What both sides take for one type, the best first. Where one side does not mention a type, that is the same as offering only NONE, which has
 * the number 0 in every registry that has it.
 */
function acceptableTransforms(ours: Transform[], theirs: Transform[], preferred: number | undefined): readonly Option[] {
  if (ours.length === 0 || theirs.length === 0) {
    const none = [...ours, ...theirs].find(({ type, id }) => id === 0 && isOptional(type));
    if (none === undefined) return [];
    // RFC 9370 §2.2.1: NONE is selected, not left out, of an additional key exchange that the peer proposed.
    return [isAdditionalKeyExchange(none.type) && theirs.includes(none) ? none : "absent"];
  }
  const common = ours.filter((mine) => theirs.some((other) => sameTransform(mine, other)));
  return [...common.filter(({ id }) => id === preferred), ...common.filter(({ id }) => id !== preferred)];
}

const isOptional = (type: number): boolean => type === TransformType.INTEG || isKeyExchange(type);

/** RFC 7296 §3.3.6: a transform with an attribute that we do not know must not be chosen, so it is the same as none of ours. */
export function sameTransform(a: Transform, b: Transform): boolean {
  return a.type === b.type && a.id === b.id && a.keyLength === b.keyLength && a.attributes === undefined && b.attributes === undefined;
}

/**
 * The initiator's check of an answer: one proposal, one of those that were sent, one transform of each type (RFC 7296 §2.7: "the initiator
 * MUST check").
 *
 * @throws PeerMisbehaved
 */
export function acceptChoice(sent: readonly Proposal[], answer: readonly Proposal[]): ChosenProposal {
  const [chosen, ...more] = answer;
  const offer = sent.find(({ number }) => number === chosen?.number);
  if (chosen === undefined || more.length > 0) throw new PeerMisbehaved(`the peer chose ${answer.length} proposals instead of one`);
  if (offer?.protocolId !== chosen.protocolId) throw new PeerMisbehaved(`the peer chose proposal ${chosen.number}, which was not offered`);
  for (const transform of chosen.transforms) {
    if (!offer.transforms.some((ours) => sameTransform(ours, transform))) {
      throw new PeerMisbehaved(`the peer chose ${describeTransform(transform)}, which was not offered`);
    }
  }
  for (const type of transformTypes(offer, chosen)) {
    const count = ofType(chosen, type).length;
    const mayBeAbsent = ofType(offer, type).some(({ id }) => id === 0 && isOptional(type));
    if (count > 1 || (count === 0 && !mayBeAbsent))
      throw new PeerMisbehaved(`the peer chose ${count} transforms of ${TransformType.nameOf(type)}`);
  }
  const methods = [keyExchangeOf(chosen) ?? [], additionalKeyExchangesOf(chosen)].flat();
  if (new Set(methods).size < methods.length) throw new PeerMisbehaved("the peer chose one key exchange method twice");
  return { number: chosen.number, protocolId: chosen.protocolId, peerSpi: chosen.spi.slice(), transforms: chosen.transforms };
}

/**
 * Of `proposals` what has the ciphers and sequence numbers of an SA made of `transforms`; key exchange is free. RFC 9611 §3: the Child SAs of one pair
 * of selectors have the same algorithms.
 */
export function madeOf(transforms: readonly Transform[], proposals: readonly Proposal[]): Proposal[] {
  const ofSa = transforms.filter(({ type }) => !isKeyExchange(type));
  return proposals.flatMap((proposal) => {
    const kept = proposal.transforms.filter((one) => isKeyExchange(one.type) || ofSa.some((wanted) => sameTransform(wanted, one)));
    return ofSa.every((wanted) => kept.some((one) => sameTransform(wanted, one))) ? [{ ...proposal, transforms: kept }] : [];
  });
}

/** What goes into an SA payload: the proposals numbered from 1, each with our SPI. */
export function withSpi(proposals: readonly Proposal[], spi: Uint8Array): Proposal[] {
  return proposals.map((proposal, index) => ({ ...proposal, number: index + 1, spi }));
}

/** The SA payload of an answer. */
export function answerProposal(chosen: ChosenProposal, spi: Uint8Array): Proposal {
  return { number: chosen.number, protocolId: chosen.protocolId, spi, transforms: chosen.transforms };
}

/** For IKE_AUTH, whose Child SA takes its keys from IKE_SA_INIT: no key exchange transforms (RFC 7296 §1.2). */
export function withoutKeyExchange(proposals: readonly Proposal[]): Proposal[] {
  const stripped = proposals.map((proposal) => ({
    ...proposal,
    transforms: proposal.transforms.filter(({ type }) => !isKeyExchange(type)),
  }));
  // Proposals that differed by their key exchange alone would be sent twice.
  return stripped.filter((proposal, index) => stripped.findIndex((other) => sameTransforms(other, proposal)) === index);
}

/** For a peer that does not know IKE_INTERMEDIATE (RFC 9370 §2.2.1): with what goes without additional key exchanges. */
export function withoutAdditionalKeyExchanges(proposals: readonly Proposal[]): Proposal[] {
  return proposals.flatMap((proposal) => {
    const { transforms } = proposal;
    const kept = transforms.filter(({ type, id }) => !isAdditionalKeyExchange(type) || id === KeyExchangeMethod.NONE);
    const isPossible = transforms.every(({ type }) => kept.some((other) => other.type === type));
    return isPossible ? [{ ...proposal, transforms: kept }] : [];
  });
}

/** Whether any of them asks for an additional key exchange. */
export const haveAdditionalKeyExchanges = (proposals: readonly Proposal[]): boolean =>
  proposals.some((proposal) => additionalKeyExchangesOf(proposal).length > 0);

const isKeyExchange = (type: number): boolean => type === TransformType.KE || isAdditionalKeyExchange(type);

function sameTransforms(a: Proposal, b: Proposal): boolean {
  return (
    a.transforms.length === b.transforms.length &&
    a.transforms.every((one, index) => b.transforms[index] !== undefined && sameTransform(one, b.transforms[index]))
  );
}

/** All key exchange methods of the proposals, in order of preference. */
export function keyExchangesOf(proposals: readonly Proposal[]): number[] {
  const methods = proposals.flatMap((proposal) => ofType(proposal, TransformType.KE).map(({ id }) => id));
  return [...new Set(methods)].filter((id) => id !== KeyExchangeMethod.NONE);
}

/** The peer's inbound SPI. Throws PeerMisbehaved if the proposal is not for ESP or the SPI is none. */
export function requireEspSpi({ protocolId, peerSpi }: ChosenProposal): EspSpi {
  const spi = espSpiFromOctets(peerSpi, protocolId);
  if (spi === undefined) throw new PeerMisbehaved("its proposal is not for ESP");
  if (spi === 0) throw new PeerMisbehaved("its ESP SPI is zero");
  return spi;
}

/** "ENCR_AES_GCM_16-128, PRF_HMAC_SHA2_256, CURVE25519": the algorithms of an SA for people. */
export function describeTransforms(transforms: readonly Transform[]): string {
  return transforms.map(describeTransform).join(", ");
}

export function describeProposals(proposals: readonly Proposal[]): string {
  return listText(
    proposals.map(({ transforms }) => describeTransforms(transforms)),
    " or ",
  );
}

function describeTransform({ type, id, keyLength }: Transform): string {
  if (isAdditionalKeyExchange(type)) return `${TransformType.nameOf(type)} ${KeyExchangeMethod.nameOf(id)}`;
  const name = NAMES[type]?.(id) ?? `${TransformType.nameOf(type)}:${id}`;
  return keyLength === undefined ? name : `${name}-${keyLength}`;
}

const NAMES: Readonly<Record<number, (id: number) => string>> = {
  [TransformType.ENCR]: EncryptionAlgorithm.nameOf,
  [TransformType.PRF]: Prf.nameOf,
  [TransformType.INTEG]: IntegrityAlgorithm.nameOf,
  [TransformType.KE]: KeyExchangeMethod.nameOf,
  [TransformType.ESN]: ExtendedSequenceNumbers.nameOf,
};
