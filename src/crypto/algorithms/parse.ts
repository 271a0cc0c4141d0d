/** Reading a proposal as swanctl.conf writes it: keywords joined by "-", several of one kind being alternatives. */
import {
  ExtendedSequenceNumbers,
  IntegrityAlgorithm,
  isAdditionalKeyExchange,
  KeyExchangeMethod,
  Prf,
  ProtocolId,
  TransformType,
} from "../../wire/iana/index.ts";
import type { Proposal, Transform } from "../../wire/proposal.ts";
import { KEYWORDS, keywordNamed, type AlgorithmKeyword } from "./keywords.ts";
import { nearest } from "./nearest.ts";
import { refusalOf } from "./refused.ts";

export type ProposalProtocol = "IKE" | "ESP";

/** A proposal that cannot be read or makes no sense. The message is a sentence for the operator: what is wrong, and what would be right. */
export class InvalidProposal extends Error {
  override readonly name = "InvalidProposal";
}

/**
 * "aes128gcm16-prfsha256-x25519". The proposal has number 1 and no SPI: both are set when it is sent. As with swanctl, an IKE proposal without
 * a prf takes the one that matches its integrity algorithm, an integrity algorithm beside an AEAD serves for that at the most, and an ESP proposal
 * that says nothing of sequence numbers means noesn. Throws InvalidProposal.
 */
export function parseProposal(text: string, protocol: ProposalProtocol): Proposal {
  const chosen = readKeywords(text, protocol);
  const transforms = protocol === "IKE" ? ikeTransforms(text, chosen) : espTransforms(text, chosen);
  return { number: 1, protocolId: ProtocolId[protocol], spi: new Uint8Array(0), transforms };
}

const EXAMPLES: Readonly<Record<ProposalProtocol, string>> = { IKE: "aes128gcm16-prfsha256-x25519", ESP: "aes128gcm16-esn" };

function readKeywords(text: string, protocol: ProposalProtocol): AlgorithmKeyword[] {
  const names = text.trim().toLowerCase().split("-");
  if (names.join("") === "") throw new InvalidProposal(`The ${protocol} proposal is empty; write for example ${EXAMPLES[protocol]}.`);
  const chosen: AlgorithmKeyword[] = [];
  for (const name of names) {
    const keyword = readKeyword(name, text, protocol);
    if (chosen.some((other) => other.keyword === keyword.keyword))
      throw new InvalidProposal(`The proposal "${text}" names ${keyword.keyword} twice; once is enough.`);
    chosen.push(keyword);
  }
  return chosen;
}

function readKeyword(name: string, text: string, protocol: ProposalProtocol): AlgorithmKeyword {
  const keyword = keywordNamed(name);
  if (keyword !== undefined && levelIn(keyword, protocol) !== undefined) return keyword;
  const where = `In the ${protocol} proposal "${text}"`;
  if (keyword !== undefined) throw new InvalidProposal(`${where}, ${name} has no place: ${MISPLACED[protocol]}`);
  if (name === "") throw new InvalidProposal(`${where}, there is nothing between two hyphens; write for example ${EXAMPLES[protocol]}.`);
  const refusal = refusalOf(name);
  if (refusal !== undefined) throw new InvalidProposal(`${where}, ${name} ${refusal}. Use some of ${listKeywords(protocol)}.`);
  const [prefix] = /^ke[1-7]_/.exec(name) ?? [""];
  const guess = nearest(
    name,
    namesIn(protocol).map((known) => prefix + known),
  );
  const advice = guess === undefined ? `Known are ${listKeywords(protocol)}.` : `Did you mean ${guess}?`;
  throw new InvalidProposal(`${where}, ${name} is not a keyword. ${advice}`);
}

const levelIn = (keyword: AlgorithmKeyword, protocol: ProposalProtocol): string | undefined =>
  protocol === "IKE" ? keyword.ike : keyword.esp;

const namesIn = (protocol: ProposalProtocol): string[] =>
  KEYWORDS.filter((one) => levelIn(one, protocol) !== undefined).map(({ keyword }) => keyword);

const listKeywords = (protocol: ProposalProtocol): string => namesIn(protocol).join(", ");

/** What has no level in one of the two: a prf in ESP, esn and noesn in IKE. */
const MISPLACED: Readonly<Record<ProposalProtocol, string>> = {
  IKE: "sequence numbers are negotiated for ESP alone.",
  ESP: "Child SAs take the prf of their IKE SA.",
};

const ofType = (chosen: readonly AlgorithmKeyword[], type: number): Transform[] =>
  chosen.map(({ transform }) => transform).filter((transform) => transform.type === type);

function ikeTransforms(text: string, chosen: readonly AlgorithmKeyword[]): Transform[] {
  const protection = protectionTransforms(text, chosen, "IKE");
  const integrity = ofType(chosen, TransformType.INTEG);
  const explicit = ofType(chosen, TransformType.PRF);
  const prfs = explicit.length > 0 ? explicit : integrity.map(matchingPrf);
  if (prfs.length === 0) throw new InvalidProposal(`The IKE proposal "${text}" has no prf; add for example prfsha256.`);
  const exchanges = ofType(chosen, TransformType.KE);
  if (exchanges.length === 0) throw new InvalidProposal(`The IKE proposal "${text}" has no key exchange; add for example x25519.`);
  return [...protection, ...prfs, ...exchanges, ...additionalKeyExchanges(text, chosen)];
}

/** Encryption and, unless it authenticates by itself, integrity. */
function protectionTransforms(text: string, chosen: readonly AlgorithmKeyword[], protocol: ProposalProtocol): Transform[] {
  const encryption = ofType(chosen, TransformType.ENCR);
  const integrity = ofType(chosen, TransformType.INTEG);
  if (requireEncryption(text, chosen, protocol)) return encryption;
  if (integrity.length > 0) return [...encryption, ...integrity];
  throw new InvalidProposal(
    `The ${protocol} proposal "${text}" has no integrity algorithm, which its cipher needs; add for example sha256.`,
  );
}

/** RFC 9370 §2.2.1: after a first key exchange, and with one method never used twice: an alternative of each must be left. */
function additionalKeyExchanges(text: string, chosen: readonly AlgorithmKeyword[]): Transform[] {
  const first = ofType(chosen, TransformType.KE);
  const additional = chosen
    .map(({ transform }) => transform)
    .filter(({ type }) => isAdditionalKeyExchange(type))
    .sort((a, b) => a.type - b.type);
  if (additional.length > 0 && first.length === 0) {
    throw new InvalidProposal(`The proposal "${text}" has an additional key exchange without a first one; add for example x25519.`);
  }
  if (!canAllDiffer([...first, ...additional])) {
    throw new InvalidProposal(`The proposal "${text}" would have the same key exchange twice, which RFC 9370 forbids; use another one.`);
  }
  return additional;
}

/** Whether one transform of each type can be taken such that no method but NONE comes twice. */
function canAllDiffer(transforms: readonly Transform[], used: ReadonlySet<number> = new Set()): boolean {
  const [head] = transforms;
  if (head === undefined) return true;
  const rest = transforms.filter(({ type }) => type !== head.type);
  return transforms.some(({ type, id }) => {
    if (type !== head.type || used.has(id)) return false;
    return canAllDiffer(rest, id === KeyExchangeMethod.NONE ? used : new Set([...used, id]));
  });
}

function espTransforms(text: string, chosen: readonly AlgorithmKeyword[]): Transform[] {
  const protection = protectionTransforms(text, chosen, "ESP");
  const sequenceNumbers = ofType(chosen, TransformType.ESN);
  return [
    ...protection,
    ...ofType(chosen, TransformType.KE),
    ...additionalKeyExchanges(text, chosen),
    ...(sequenceNumbers.length > 0 ? sequenceNumbers : [{ type: TransformType.ESN, id: ExtendedSequenceNumbers.NO_ESN }]),
  ];
}

/** Whether the ciphers are AEADs. One proposal cannot hold both kinds, because only one of them takes an integrity transform (RFC 7296 §3.3). */
function requireEncryption(text: string, chosen: readonly AlgorithmKeyword[], protocol: ProposalProtocol): boolean {
  const ciphers = chosen.filter(({ transform }) => transform.type === TransformType.ENCR);
  const [first] = ciphers;
  if (first === undefined) {
    throw new InvalidProposal(`The ${protocol} proposal "${text}" has no encryption algorithm; write for example ${EXAMPLES[protocol]}.`);
  }
  const other = ciphers.find(({ isAead }) => isAead !== first.isAead);
  if (other !== undefined) {
    throw new InvalidProposal(
      `The ${protocol} proposal "${text}" mixes ${first.keyword} and ${other.keyword}, of which only one authenticates by itself; write two proposals.`,
    );
  }
  return first.isAead;
}

const MATCHING_PRFS: ReadonlyMap<number, number> = new Map([
  [IntegrityAlgorithm.AUTH_HMAC_SHA1_96, Prf.PRF_HMAC_SHA1],
  [IntegrityAlgorithm.AUTH_HMAC_SHA2_256_128, Prf.PRF_HMAC_SHA2_256],
  [IntegrityAlgorithm.AUTH_HMAC_SHA2_384_192, Prf.PRF_HMAC_SHA2_384],
  [IntegrityAlgorithm.AUTH_HMAC_SHA2_512_256, Prf.PRF_HMAC_SHA2_512],
]);

function matchingPrf({ id }: Transform): Transform {
  const prf = MATCHING_PRFS.get(id);
  if (prf === undefined) throw new RangeError(`no prf matches integrity algorithm ${id}`);
  return { type: TransformType.PRF, id: prf };
}
