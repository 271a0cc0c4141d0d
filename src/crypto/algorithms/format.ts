/** Printing a proposal with swanctl's keywords. */
import {
  EncryptionAlgorithm,
  ExtendedSequenceNumbers,
  IntegrityAlgorithm,
  isAdditionalKeyExchange,
  KeyExchangeMethod,
  Prf,
  TransformType,
} from "../../wire/iana/index.ts";
import type { Proposal, Transform } from "../../wire/proposal.ts";
import { keywordOf } from "./keywords.ts";

/** The keywords in the order of the transforms, joined by "-". What has no keyword here is given IANA's name: a peer may offer anything. */
export function formatProposal(proposal: Pick<Proposal, "transforms">): string {
  return proposal.transforms.map((transform) => keywordOf(transform)?.keyword ?? ianaName(transform)).join("-");
}

const REGISTRIES: Readonly<Record<number, (id: number) => string>> = {
  [TransformType.ENCR]: EncryptionAlgorithm.nameOf,
  [TransformType.PRF]: Prf.nameOf,
  [TransformType.INTEG]: IntegrityAlgorithm.nameOf,
  [TransformType.KE]: KeyExchangeMethod.nameOf,
  [TransformType.ESN]: ExtendedSequenceNumbers.nameOf,
};

function ianaName({ type, id, keyLength }: Transform): string {
  if (isAdditionalKeyExchange(type)) return `${TransformType.nameOf(type)}_${KeyExchangeMethod.nameOf(id)}`;
  const name = REGISTRIES[type]?.(id) ?? `${TransformType.nameOf(type)}:${id}`;
  return keyLength === undefined ? name : `${name}_${keyLength}`;
}
