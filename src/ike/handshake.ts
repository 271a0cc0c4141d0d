/** What IKE_SA_INIT leaves for IKE_AUTH to prove (RFC 7296 §2.15): both messages as they went over the wire, and both nonces. */
import type { IntermediateTranscript } from "./intermediate-transcript.ts";
import type { PeerAbilities } from "./peer-abilities.ts";

export interface Handshake {
  /** The last IKE_SA_INIT request and its response, whole, without non-ESP marker. */
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly nonceI: Uint8Array;
  readonly nonceR: Uint8Array;
  readonly peerAbilities: PeerAbilities;
  /** Grows until IKE_AUTH. */
  readonly intermediate: IntermediateTranscript;
}
