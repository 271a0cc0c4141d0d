/** Tokens of quick crash detection (RFC 6290 §5.1): what an end can say of an IKE SA only if it has forgotten it, and nobody else at all. */
import { createHmac } from "node:crypto";

/**
 * HMAC-SHA2-256 over the maker's role and both SPIs: 32 octets. The role keeps a message with the SPIs of a living IKE SA the wrong way round
 * from drawing out its token.
 *
 * @param secret 32 octets that outlive the process
 * @param maker which end of the IKE SA makes the token
 * @param spiI 8 octets
 * @param spiR 8 octets
 */
export function makeQcdToken(secret: Uint8Array, maker: "initiator" | "responder", spiI: Uint8Array, spiR: Uint8Array): Uint8Array {
  const hmac = createHmac("sha256", secret);
  hmac.update(Uint8Array.of(maker === "initiator" ? 0 : 1));
  return Uint8Array.from(hmac.update(spiI).update(spiR).digest());
}
