/** Stateless cookies (RFC 7296 §2.6): proof that whoever sends IKE_SA_INIT receives at the address it claims. */
import { createHmac } from "node:crypto";
import { concat } from "../wire/octets.ts";

/**
 * `version`, one octet that tells which secret it was, then HMAC-SHA2-256 over what identifies the first request: 33 octets, of the 64 that
 * RFC 7296 §3.10.1 allows. The RFC suggests a hash with the secret last; HMAC is the construction made for this.
 *
 * @param secret 32 octets of entropy, replaced often
 * @param nonceI data of the Ni payload
 * @param ipI the source address, 4 or 16 octets
 * @param spiI 8 octets
 */
export function makeCookie(secret: Uint8Array, version: number, nonceI: Uint8Array, ipI: Uint8Array, spiI: Uint8Array): Uint8Array {
  const hmac = createHmac("sha256", secret);
  // Lengths before the parts of variable length: no two requests may run together to the same octets.
  hmac.update(Uint8Array.of(version, nonceI.length >> 8, nonceI.length & 0xff, ipI.length));
  hmac.update(nonceI).update(ipI).update(spiI);
  return concat(Uint8Array.of(version), hmac.digest());
}
