/** What can be configured: swanctl's proposal keywords, the levels that RFC 8247 and RFC 8221 give them, and the built-in proposals. */
export { KEYWORDS, type AlgorithmKeyword, type Level } from "./algorithms/keywords.ts";
export { formatProposal } from "./algorithms/format.ts";
export { InvalidProposal, parseProposal, type ProposalProtocol } from "./algorithms/parse.ts";
export { defaultEspProposals, defaultIkeProposals, parseProposals } from "./algorithms/defaults.ts";
