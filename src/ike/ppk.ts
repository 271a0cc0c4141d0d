/**
 * Post-quantum preshared keys (RFC 8784): USE_PPK in IKE_SA_INIT says that an end has one, PPK_IDENTITY in IKE_AUTH says which. It goes into
 * SK_pi and SK_pr, so that AUTH proves it, and into SK_d, so that every key from the first Child SA on depends on it.
 */
import { IdentificationType, NotifyType } from "../wire/iana/index.ts";
import { findNotify, notify, ppkIdentityOf } from "../wire/notify.ts";
import { equalOctets } from "../wire/octets.ts";
import type { AuthPayload, NotifyPayload, Payload } from "../wire/payload.ts";
import type { ConnectionConfig, Ppk } from "./config.ts";
import { AuthenticationFailed, NoAgreement } from "./errors.ts";
import { formatIdentity, type Identity } from "./identity.ts";
import type { IkeSaKeys } from "./ike-sa-keys.ts";
import type { PeerAbilities } from "./peer-abilities.ts";
import type { PpkKeys } from "./ppk-keys.ts";

type PpkConfig = Pick<ConnectionConfig, "name" | "ppk">;

/** For IKE_SA_INIT of either end. */
export function usePpkNotifies(connections: readonly PpkConfig[]): NotifyPayload[] {
  return connections.some(({ ppk }) => ppk !== undefined) ? [notify(NotifyType.USE_PPK)] : [];
}

/** §3: an initiator that must have a PPK goes no further with a responder that has none. Throws NoAgreement, in words for the operator. */
export function requirePpkSupport({ name, ppk }: PpkConfig, { usesPpk }: Pick<PeerAbilities, "usesPpk">): void {
  if (ppk?.required !== true || usesPpk) return;
  const text = `The peer has no PPK, but ${name} requires ${formatPpk(ppk)} (ppk_required).`;
  throw new NoAgreement(NotifyType.AUTHENTICATION_FAILED, text);
}

/** How a peer has proved itself, with regard to the PPK; `note` goes after the method of its proof, for the operator. */
export interface SettledPpk {
  /** Undefined: none is in use. */
  readonly ppk: Ppk | undefined;
  readonly note: string;
}

/**
 * The responder's answer in IKE_AUTH: PPK_IDENTITY says that it has taken the PPK. `mixed` go into `keys` then, before its proof is checked.
 *
 * @param mixed what we have proved ourselves with; undefined: without PPK
 * @throws AuthenticationFailed when it has not, and must have
 */
export function settlePpkAsInitiator(
  keys: IkeSaKeys,
  { name, ppk }: PpkConfig,
  mixed: PpkKeys | undefined,
  answer: readonly Payload[],
): SettledPpk {
  if (ppk === undefined) return { ppk: undefined, note: "" };
  if (mixed === undefined) return without(ppk, "the peer has no PPK");
  if (findNotify(answer, NotifyType.PPK_IDENTITY) === undefined) {
    mixed.wipe();
    if (ppk.required) throw new AuthenticationFailed(`The peer has not used ${formatPpk(ppk)}, which ${name} requires (ppk_required).`);
    return without(ppk, "the peer has none of that name");
  }
  keys.adopt(mixed);
  return withPpk(ppk);
}

export interface PpkAnswer extends SettledPpk {
  /** What is to be checked: AUTH, or NO_PPK_AUTH in its place. */
  readonly proof: AuthPayload;
  readonly notifies: readonly NotifyPayload[];
}

/**
 * As responder: the PPK that the peer names goes into `keys`, before its proof is checked; or else there is none, if that is allowed at both
 * ends (§3, table 1).
 *
 * @param payloads of the request
 * @throws AuthenticationFailed
 */
export function settlePpkAsResponder(
  keys: IkeSaKeys,
  { name, ppk }: PpkConfig,
  { usesPpk }: Pick<PeerAbilities, "usesPpk">,
  payloads: readonly Payload[],
  proof: AuthPayload,
): PpkAnswer {
  const named = usesPpk ? findNotify(payloads, NotifyType.PPK_IDENTITY) : undefined;
  if (named === undefined) {
    if (ppk === undefined) return { ppk, note: "", proof, notifies: [] };
    if (!ppk.required) return { ...without(ppk, "the peer uses none"), proof, notifies: [] };
    throw new AuthenticationFailed(`The peer uses no PPK, but ${name} requires ${formatPpk(ppk)} (ppk_required).`);
  }
  const id = ppkIdentityOf(named);
  if (ppk !== undefined && id !== undefined && equalOctets(id, ppk.id.data)) {
    keys.adopt(keys.mixedWith(ppk.secret));
    return { ...withPpk(ppk), proof, notifies: [notify(NotifyType.PPK_IDENTITY)] };
  }
  const theirs = id === undefined ? "a PPK whose name is opaque" : `the PPK "${formatIdentity({ ...FQDN, data: id })}"`;
  const ours = ppk === undefined ? `${name} has none` : `${name} has ${formatPpk(ppk)}`;
  if (ppk?.required === true) throw new AuthenticationFailed(`The peer uses ${theirs}, but ${ours} and requires it (ppk_required).`);
  const fallback = findNotify(payloads, NotifyType.NO_PPK_AUTH);
  if (fallback === undefined) throw new AuthenticationFailed(`The peer requires ${theirs}, but ${ours}.`);
  return {
    ppk: undefined,
    note: `, without a PPK: the peer has ${theirs}, ${ours}`,
    proof: { ...proof, data: fallback.data },
    notifies: [],
  };
}

/** Does `check`; when the proof of the peer is wrong, says that the PPK may be why. */
export function blamingPpk<Result>({ ppk }: SettledPpk, check: () => Result): Result {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof AuthenticationFailed) || ppk === undefined) throw error;
    throw new AuthenticationFailed(`${error.message} Or ${formatPpk(ppk)} is not the same at both ends.`);
  }
}

export const formatPpk = ({ id }: Ppk): string => `the PPK "${formatIdentity(id)}"`;

const FQDN: Pick<Identity, "idType"> = { idType: IdentificationType.ID_FQDN };

const withPpk = (ppk: Ppk): SettledPpk => ({ ppk, note: ` and ${formatPpk(ppk)}` });

const without = (ppk: Ppk, why: string): SettledPpk => ({ ppk: undefined, note: `, without ${formatPpk(ppk)}: ${why}` });
