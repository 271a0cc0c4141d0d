/** What is proposed where the configuration says nothing, or "default". */
import type { Proposal } from "../../wire/proposal.ts";
import { parseProposal, type ProposalProtocol } from "./parse.ts";

/** The first key exchange is the one that an initiator guesses, so it stands first in both. */
const KEY_EXCHANGES = "x25519-ecp256-ecp384-x448-ecp521-modp3072-modp4096-modp2048";

/** AEADs first; then what RFC 8247 makes mandatory for everybody, for peers that know no AEAD. */
const IKE = [
  `aes128gcm16-aes256gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512-${KEY_EXCHANGES}`,
  `aes128-aes256-sha256-sha384-sha512-prfsha256-prfsha384-prfsha512-${KEY_EXCHANGES}`,
];

/**
 * AEADs first; then what RFC 8221 makes mandatory for everybody. ESN first: at 100 Gbit/s a 32-bit sequence number is used up in minutes. No key
 * exchange: PFS is asked for in the configuration.
 */
const ESP = ["aes128gcm16-aes256gcm16-chacha20poly1305-esn-noesn", "aes128-aes256-sha256-sha384-sha512-esn-noesn"];

export function defaultIkeProposals(): Proposal[] {
  return IKE.map((text, index) => ({ ...parseProposal(text, "IKE"), number: index + 1 }));
}

export function defaultEspProposals(): Proposal[] {
  return ESP.map((text, index) => ({ ...parseProposal(text, "ESP"), number: index + 1 }));
}

/** An entry of a list of proposals: one proposal, or as with swanctl "default" for all of the built-in ones. Numbers are set by the list. @throws InvalidProposal */
export function parseProposals(text: string, protocol: ProposalProtocol): Proposal[] {
  if (text.trim().toLowerCase() !== "default") return [parseProposal(text, protocol)];
  return protocol === "IKE" ? defaultIkeProposals() : defaultEspProposals();
}
