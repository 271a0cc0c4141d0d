/** The Peer Authorization Database (RFC 4301 §4.4.3): who may be who, and with which secret. */
import { certifies } from "../pki/identity.ts";
import type { ConnectionConfig, LocalAuthentication, SharedSecret } from "./config.ts";
import { isAnonymous, sameIdentity, type Identity } from "./identity.ts";

/**
 * The secret that two identities share. A secret that names both goes before one that names the peer, that before one that names only us, and
 * that before one that names nobody; the first of equals is taken. As long as the peer has not said who it is, `remote` is undefined.
 */
export function findSecret(secrets: readonly SharedSecret[], local: Identity, remote: Identity | undefined): SharedSecret | undefined {
  let best: { secret: SharedSecret; score: number } | undefined;
  for (const secret of secrets) {
    const score = scoreOf(secret, local, remote);
    if (score !== undefined && score > (best?.score ?? -1)) best = { secret, score };
  }
  return best?.secret;
}

function scoreOf({ ids }: SharedSecret, local: Identity, remote: Identity | undefined): number | undefined {
  if (ids.length === 0) return 0;
  const names = (identity: Identity): boolean => ids.some((id) => sameIdentity(id, identity));
  const [namesLocal, namesRemote] = [names(local), remote !== undefined && names(remote)];
  if (!namesLocal && !namesRemote) return undefined;
  // A secret of two others is not ours: with several owners named, the peer must be one of them.
  if (ids.length > 1 && remote !== undefined && !namesRemote) return undefined;
  return (namesRemote ? 2 : 0) + (namesLocal ? 1 : 0);
}

/**
 * Whether a connection admits a peer that calls itself `remote` and asks for `local` (IDr of the request; undefined: for whomever). Says how
 * well: an identity that is named goes before "%any".
 */
export function admission(connection: ConnectionConfig, remote: Identity, local: Identity | undefined): "named" | "any" | undefined {
  if (ownIdentity(connection.local, local) === undefined) return undefined;
  // RFC 7619: ID_NULL and NULL authentication go together here, and nothing else takes either.
  if (isAnonymous(remote) !== (connection.remote.auth === "null")) return undefined;
  if (connection.remote.id === "%any") return "any";
  return sameIdentity(connection.remote.id, remote) ? "named" : undefined;
}

/**
 * As whom we answer a peer that asks for `asked` (undefined: for whomever): the identity that is configured, or another one of the certificate that we
 * show. Undefined: we are not that one.
 */
export function ownIdentity(local: LocalAuthentication, asked: Identity | undefined): Identity | undefined {
  if (asked === undefined || sameIdentity(local.id, asked)) return local.id;
  const [certificate] = local.auth === "pubkey" ? local.credential.certificates : [];
  return certificate !== undefined && certifies(certificate, asked) ? asked : undefined;
}
