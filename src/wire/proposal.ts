/** The Proposal substructure of an SA payload (RFC 7296 §3.3.1). Whether a proposal is acceptable is not decided here. */
import { MalformedMessage } from "./errors.ts";
import { ProtocolId } from "./iana/index.ts";
import { Reader, Writer } from "./octets.ts";
import { decodeTransforms, encodeTransforms, type Transform } from "./transform.ts";

export type { Transform, TransformAttribute } from "./transform.ts";

export interface Proposal {
  /** 1 for the first of an offer, then one more each; in an answer, the number of the proposal that was chosen. */
  readonly number: number;
  /** iana ProtocolId. */
  readonly protocolId: number;
  /** The sender's inbound SPI: empty for the first IKE SA, 8 octets when an IKE SA is rekeyed, 4 for ESP and AH. */
  readonly spi: Uint8Array;
  /** At least one. */
  readonly transforms: readonly Transform[];
}

const LAST_PROPOSAL = 0;
const MORE_PROPOSALS = 2;
const PROPOSAL_HEADER_LENGTH = 8;

/** Reads the body of an SA payload. Throws MalformedMessage if a length, count or SPI size lies or the numbering has a gap. */
export function decodeProposals(octets: Uint8Array): Proposal[] {
  const reader = new Reader(octets);
  const proposals: Proposal[] = [];
  let more = MORE_PROPOSALS;
  while (more === MORE_PROPOSALS) {
    more = reader.u8();
    if (more !== LAST_PROPOSAL && more !== MORE_PROPOSALS) throw new MalformedMessage("bad-proposal", `"Last Substruc" is ${more}`);
    reader.skip(1);
    const length = reader.u16();
    if (length < PROPOSAL_HEADER_LENGTH) throw new MalformedMessage("bad-length", `proposal length ${length} is below its header's`);
    const proposal = decodeProposal(new Reader(reader.take(length - 4)));
    const previous = proposals.at(-1);
    if (previous !== undefined && proposal.number !== previous.number + 1) {
      throw new MalformedMessage("bad-proposal", `proposal ${proposal.number} follows proposal ${previous.number}`);
    }
    proposals.push(proposal);
  }
  reader.expectEnd("the proposals");
  return proposals;
}

function decodeProposal(reader: Reader): Proposal {
  const number = reader.u8();
  const protocolId = reader.u8();
  const spiSize = reader.u8();
  const transformCount = reader.u8();
  requireSpiSize(protocolId, spiSize);
  if (number === 0) throw new MalformedMessage("bad-proposal", "proposals are numbered from 1");
  if (transformCount === 0) throw new MalformedMessage("bad-proposal", `proposal ${number} has no transform`);
  const spi = reader.take(spiSize);
  return { number, protocolId, spi, transforms: decodeTransforms(reader.rest(), transformCount) };
}

function requireSpiSize(protocolId: number, size: number): void {
  const isLegal =
    protocolId === ProtocolId.IKE
      ? size === 0 || size === 8
      : protocolId === ProtocolId.ESP || protocolId === ProtocolId.AH
        ? size === 4
        : true;
  if (!isLegal) throw new MalformedMessage("bad-spi-size", `${size} octets of SPI in a proposal for ${ProtocolId.nameOf(protocolId)}`);
}

/** The body of an SA payload. */
export function encodeProposals(proposals: readonly Proposal[]): Uint8Array {
  const writer = new Writer();
  proposals.forEach((proposal, index) => {
    const transforms = new Writer(64);
    encodeTransforms(transforms, proposal.transforms);
    writer
      .u8(index === proposals.length - 1 ? LAST_PROPOSAL : MORE_PROPOSALS)
      .zeros(1)
      .u16(PROPOSAL_HEADER_LENGTH + proposal.spi.length + transforms.length)
      .u8(proposal.number)
      .u8(proposal.protocolId)
      .u8(proposal.spi.length)
      .u8(proposal.transforms.length)
      .octets(proposal.spi)
      .octets(transforms.finish());
  });
  return writer.finish();
}
