/** Proofs of identity in IKE_AUTH, ours and the peer's, each by the method that the connection has for that end. */
import { AuthenticationMethod } from "../wire/iana/index.ts";
import type { AuthPayload, CertPayload, Payload } from "../wire/payload.ts";
import {
  octetsToSign,
  proveBySecret,
  proveNothing,
  requireNothing,
  requireProofBySecret,
  type End,
  type ProofKeys,
} from "./authentication.ts";
import { certificatesToShow } from "./certificate-payloads.ts";
import type { ConnectionConfig, RemoteAuthentication } from "./config.ts";
import { AuthenticationFailed } from "./errors.ts";
import type { Handshake } from "./handshake.ts";
import { formatIdentity, type Identity } from "./identity.ts";
import type { IkeSa } from "./ike-sa.ts";
import { findSecret } from "./pad.ts";
import { proveBySignature, requireProofBySignature, type PeerProof } from "./proof-by-signature.ts";

const BY_SECRET = "pre-shared key";
const BY_NOTHING = "nothing (NULL authentication)";

export interface OwnProof {
  /** Before AUTH in the message; none with a pre-shared key. */
  readonly certificates: readonly CertPayload[];
  readonly auth: AuthPayload;
  /** For the operator. */
  readonly how: string;
}

/**
 * Our proof, as `end`.
 *
 * @param remoteId the peer's identity, as far as it is known
 * @param encodings of the certificates that the peer has asked for
 * @param keys of the IKE SA, or those that a PPK has gone into
 * @throws AuthenticationFailed when there is nothing to prove ourselves with
 */
export function prove(
  ikeSa: IkeSa,
  end: End,
  { local }: ConnectionConfig,
  handshake: Handshake,
  remoteId: Identity | undefined,
  encodings: ReadonlySet<number>,
  keys: ProofKeys = ikeSa.keys,
): OwnProof {
  const { services } = ikeSa;
  if (local.auth === "pubkey") {
    const octets = octetsToSign(end, local.id, handshake, keys);
    const { auth, how } = proveBySignature(local.credential, octets, handshake.peerAbilities.signatureHashes);
    return { certificates: certificatesToShow(local, encodings), auth, how };
  }
  if (local.auth === "null") return { certificates: [], auth: proveNothing(end, local.id, handshake, keys), how: BY_NOTHING };
  const secret = findSecret(services.config.secrets, local.id, remoteId)?.secret;
  if (secret === undefined) {
    const peer = remoteId === undefined ? "any peer" : formatIdentity(remoteId);
    throw new AuthenticationFailed(`There is no secret for ${formatIdentity(local.id)} with ${peer}.`);
  }
  return { certificates: [], auth: proveBySecret(end, local.id, handshake, keys, secret), how: BY_SECRET };
}

/**
 * Checks the proof of the peer, which is `end` and calls itself `remoteId`.
 *
 * @param payloads of its IKE_AUTH message
 * @throws AuthenticationFailed, in words for the operator of this host
 */
export function requireProof(
  ikeSa: IkeSa,
  end: End,
  { local, remote }: ConnectionConfig,
  handshake: Handshake,
  remoteId: Identity,
  proof: AuthPayload,
  payloads: readonly Payload[],
): PeerProof {
  const { keys, services } = ikeSa;
  if (remote.auth === "pubkey") {
    const octets = octetsToSign(end, remoteId, handshake, keys);
    return requireProofBySignature(remoteId, proof, payloads, remote.trust, octets, services.date());
  }
  if (remote.auth === "null") {
    requireNothing(end, remoteId, proof, handshake, keys);
    return { how: BY_NOTHING, validUntil: Infinity };
  }
  const secret = findSecret(services.config.secrets, local.id, remoteId)?.secret;
  if (secret === undefined) throw new AuthenticationFailed(`There is no secret for ${formatIdentity(remoteId)}.`);
  requireProofBySecret(end, remoteId, proof, handshake, keys, secret);
  return { how: BY_SECRET, validUntil: Infinity };
}

/** Whether a proof of this method (iana AuthenticationMethod) is one of the kind that is configured. */
export function acceptsMethod({ auth }: RemoteAuthentication, method: number): boolean {
  switch (auth) {
    case "psk":
      return method === AuthenticationMethod.SHARED_KEY_MIC;
    case "null":
      return method === AuthenticationMethod.NULL;
    case "pubkey":
      return method !== AuthenticationMethod.SHARED_KEY_MIC && method !== AuthenticationMethod.NULL;
  }
}
