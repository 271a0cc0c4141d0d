/** Security Association payload (RFC 7296 §3.3): an offer of proposals, or the one that was chosen. */
import { decodeProposals, encodeProposals, type Proposal } from "../proposal.ts";

export interface SaPayload {
  readonly type: "SA";
  readonly proposals: readonly Proposal[];
}

export function decodeSa(body: Uint8Array): SaPayload {
  return { type: "SA", proposals: decodeProposals(body) };
}

export function encodeSa(payload: SaPayload): Uint8Array {
  return encodeProposals(payload.proposals);
}
