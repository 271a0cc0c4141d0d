/** The AUTH payload (RFC 7296 §2.15): proof of an identity over what this end sent in IKE_SA_INIT and the nonce of the other. */
import { constantTimeEqual, pskAuth, signedOctets } from "../crypto/auth.ts";
import { AuthenticationMethod } from "../wire/iana/index.ts";
import { encodeIdBody, type AuthPayload } from "../wire/payload.ts";
import { AuthenticationFailed } from "./errors.ts";
import type { Handshake } from "./handshake.ts";
import { formatIdentity, isAnonymous, type Identity } from "./identity.ts";
import type { IkeSaKeys } from "./ike-sa-keys.ts";

export type End = "initiator" | "responder";

/** The keys of an IKE SA as far as proofs need them. */
export type ProofKeys = Pick<IkeSaKeys, "prf" | "skP">;

/** What `end`, calling itself `id`, signs or MACs. */
export function octetsToSign(end: End, id: Identity, handshake: Handshake, keys: ProofKeys): Uint8Array {
  return signedOctets({
    message: end === "initiator" ? handshake.request : handshake.response,
    nonce: end === "initiator" ? handshake.nonceR : handshake.nonceI,
    prf: keys.prf,
    skP: keys.skP(end),
    idPayloadBody: encodeIdBody(id),
    intAuth: handshake.intermediate.intAuth,
  });
}

/** Our proof, with a pre-shared key. */
export function proveBySecret(end: End, id: Identity, handshake: Handshake, keys: ProofKeys, secret: Uint8Array): AuthPayload {
  const data = pskAuth(keys.prf, secret, octetsToSign(end, id, handshake, keys));
  return { type: "AUTH", method: AuthenticationMethod.SHARED_KEY_MIC, data };
}

/** Of nothing but that the end has the keys of this IKE SA (RFC 7619 §2.1): its SK_p stands in for the shared secret. */
export function proveNothing(end: End, id: Identity, handshake: Handshake, keys: ProofKeys): AuthPayload {
  const data = pskAuth(keys.prf, keys.skP(end), octetsToSign(end, id, handshake, keys));
  return { type: "AUTH", method: AuthenticationMethod.NULL, data };
}

/** The counterpart of {@link proveNothing}. Throws AuthenticationFailed, in words for the operator of this host. */
export function requireNothing(end: End, id: Identity, proof: AuthPayload, handshake: Handshake, keys: ProofKeys): void {
  if (proof.method !== AuthenticationMethod.NULL || !isAnonymous(id)) {
    const method = AuthenticationMethod.nameOf(proof.method);
    throw new AuthenticationFailed(`${formatIdentity(id)} authenticates by ${method}, but NULL authentication is configured for it.`);
  }
  if (!constantTimeEqual(proveNothing(end, id, handshake, keys).data, proof.data)) {
    throw new AuthenticationFailed("A peer without identity has not the keys of this IKE SA.");
  }
}

/** Checks the peer's proof. Throws AuthenticationFailed, in words for the operator of this host. */
export function requireProofBySecret(
  end: End,
  id: Identity,
  proof: AuthPayload,
  handshake: Handshake,
  keys: ProofKeys,
  secret: Uint8Array,
): void {
  if (proof.method !== AuthenticationMethod.SHARED_KEY_MIC) {
    const method = AuthenticationMethod.nameOf(proof.method);
    throw new AuthenticationFailed(`${formatIdentity(id)} authenticates by ${method}, but a pre-shared key is configured for it.`);
  }
  const expected = pskAuth(keys.prf, secret, octetsToSign(end, id, handshake, keys));
  if (!constantTimeEqual(expected, proof.data)) {
    throw new AuthenticationFailed(`The pre-shared key of ${formatIdentity(id)} is not the same at both ends.`);
  }
}
