/** The Peer Authorization Database (RFC 4301 §4.4.3): who may be who, and with which secret. */
import type { ConnectionConfig, SharedSecret } from "./config.ts";
import { sameIdentity, type Identity } from "./identity.ts";

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
  if (local !== undefined && !sameIdentity(connection.local.id, local)) return undefined;
  if (connection.remote.id === "%any") return "any";
  return sameIdentity(connection.remote.id, remote) ? "named" : undefined;
}
