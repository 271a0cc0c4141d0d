/** When IKE SAs are rekeyed and when they end (RFC 7296 §2.8), and which of several with one peer may stay (§2.4). */
import { dateText } from "../pki/validity.ts";
import { NotifyType } from "../wire/iana/index.ts";
import { AuthenticationFailed } from "./errors.ts";
import { closeIkeSa } from "./exchanges/delete-ike.ts";
import { AnnounceWindow } from "./exchanges/informational.ts";
import { TellToken } from "./exchanges/tell-token.ts";
import { checkRoutability, tellAddresses } from "./exchanges/update-addresses.ts";
import { RekeyIke } from "./exchanges/rekey-ike.ts";
import { formatIdentity } from "./identity.ts";
import type { IkeSa } from "./ike-sa.ts";
import { watchLiveness } from "./liveness.ts";
import type { Registry } from "./registry.ts";
import type { Services } from "./services.ts";
import type { TimeoutReason } from "./events.ts";

/** Milliseconds between attempts to rekey, doubled each time. */
const FIRST_RETRY = 1000;
const LAST_RETRY = 60_000;
/** Milliseconds between two looks at the date, at most. */
const DATE_INTERVAL = 3600_000;
/** How long a replaced IKE SA waits for the Delete that the peer owes it, in milliseconds. */
const REPLACED_PATIENCE = 60_000;

export class IkeLifecycle {
  readonly #services: Services;
  readonly #registry: Registry;
  readonly #retries = new WeakMap<IkeSa, number>();

  constructor(services: Services, registry: Registry) {
    this.#services = services;
    this.#registry = registry;
  }

  established(ikeSa: IkeSa, now: number): void {
    const rekeyTime = ikeSa.config?.rekeyTime ?? Infinity;
    const overTime = ikeSa.config?.overTime ?? Infinity;
    if (Number.isFinite(rekeyTime)) {
      // Both ends draw, so that they seldom rekey at once.
      ikeSa.rekeyAt = now + rekeyTime - Math.min(overTime, rekeyTime / 2) * this.#services.random();
      this.#schedule(ikeSa, ikeSa.rekeyAt, "rekey-ike", (at) => this.rekey(ikeSa, at));
      if (Number.isFinite(overTime)) {
        this.#schedule(ikeSa, now + rekeyTime + overTime, "lifetime", (at) => closeIkeSa(ikeSa, "it could not be rekeyed in time", at));
      }
    }
    this.#watchCertificates(ikeSa, now);
    watchLiveness(ikeSa, now);
  }

  /** The peer is who it is for as long as its certificates say so. The host's date may be set meanwhile, so it is asked again and again. */
  #watchCertificates(ikeSa: IkeSa, now: number): void {
    const validUntil = ikeSa.peers?.remoteValidUntil ?? Infinity;
    if (!Number.isFinite(validUntil)) return;
    const left = validUntil - this.#services.date();
    if (left >= 0) {
      this.#schedule(ikeSa, now + Math.min(left + 1, DATE_INTERVAL), "lifetime", (at) => this.#watchCertificates(ikeSa, at));
      return;
    }
    ikeSa.isToBeReauthenticated = true;
    closeIkeSa(ikeSa, `a certificate that vouches for the peer has expired on ${dateText(validUntil)}`, now);
  }

  /** The successor begins a life of its own; what is left of the old one is its end. */
  replaced(old: IkeSa, successor: IkeSa, now: number): void {
    this.#services.outputs.event({ kind: "ikeRekeyed", old: old.ref, sa: successor.ref, algorithms: successor.keys.algorithms });
    this.established(successor, now);
    forgetLeaving(successor, this.#registry.withPeerOf(successor), now);
    // The peer may have taken our update for one about the old IKE SA, after it had given everything to this one.
    if (successor.mobike?.isUpdating === true) tellAddresses(successor, now);
    // Its answer would come on the old IKE SA, which has nothing left to move.
    if (successor.mobike?.isChecking === true) checkRoutability(successor, now);
    if (successor.isOriginalInitiator && this.#services.qcdSecret !== undefined) successor.exchanger.enqueue(new TellToken(), now);
    if (successor.isOriginalInitiator && this.#services.config.windowSize > 1) successor.exchanger.enqueue(new AnnounceWindow(), now);
    this.#schedule(old, now + REPLACED_PATIENCE, "lifetime", (at) => {
      if (old.state.kind === "REKEYED") old.destroy("rekeyed", "local", at);
    });
  }

  rekey(ikeSa: IkeSa, now: number): void {
    if (ikeSa.state.kind !== "ESTABLISHED") return;
    ikeSa.exchanger.enqueue(new RekeyIke(ikeSa, { failed: (old, notifyType, at) => this.#rekeyFailed(old, notifyType, at) }), now);
  }

  /** `unique: keep`: throws AuthenticationFailed for a peer that has an IKE SA here. */
  requireUnique(ikeSa: IkeSa): void {
    if (ikeSa.config?.unique !== "keep" || this.#registry.othersWithPeersOf(ikeSa).length === 0) return;
    throw new AuthenticationFailed(`${formatPeer(ikeSa)} has an IKE SA here already, and "unique: keep" refuses another.`);
  }

  /** §2.4: the peer has no other IKE SA with us, whatever we believe. Those that are younger than its request are none of its concern. */
  initialContact(ikeSa: IkeSa, now: number): void {
    for (const other of this.#olderWithSamePeer(ikeSa)) other.destroy("the peer has started anew (INITIAL_CONTACT)", "peer", now);
  }

  /** `unique: replace`. Child SAs are never compared: a group's members belong together on one IKE SA. */
  replaceOlder(ikeSa: IkeSa, now: number): void {
    if (ikeSa.config?.unique !== "replace") return;
    for (const other of this.#olderWithSamePeer(ikeSa)) closeIkeSa(other, "replaced by a newer IKE SA with the same peer", now);
  }

  /**
   * `max_ike_sas`. The oldest, not the newcomer, has to go: a peer that keeps losing its IKE SAs without a word must get in again (§2.4), and who
   * hoards them closes its own. Old means unheard of for long, since several hosts may show one identity.
   */
  boundPerPeer(ikeSa: IkeSa, now: number): void {
    const limit = ikeSa.config?.maxIkeSas ?? Infinity;
    const all = this.#registry.withPeerOf(ikeSa);
    const others = all.filter((other) => other !== ikeSa && other.isEstablished);
    const tooMany = others.length + 1 - limit;
    if (tooMany > 0) {
      const why = `${formatPeer(ikeSa)} has more than ${limit} IKE SAs here (max_ike_sas), and this one has been silent for longest`;
      const silent = others.sort((a, b) => a.lastHeardAt - b.lastHeardAt);
      for (const other of silent.slice(0, tooMany)) closeIkeSa(other, why, now);
    }
    forgetLeaving(ikeSa, all, now);
  }

  /** When both ends begin at once, each has an IKE SA that is younger than the other's first message: both stay. */
  #olderWithSamePeer(ikeSa: IkeSa): IkeSa[] {
    return this.#registry.othersWithPeersOf(ikeSa).filter(({ establishedAt }) => establishedAt < ikeSa.createdAt);
  }

  #rekeyFailed(ikeSa: IkeSa, notifyType: number, now: number): void {
    const wait = this.#retries.get(ikeSa) ?? FIRST_RETRY;
    this.#retries.set(ikeSa, Math.min(2 * wait, LAST_RETRY));
    this.#services.outputs.event({
      kind: "peerRefused",
      connection: ikeSa.connectionName,
      child: undefined,
      notify: NotifyType.nameOf(notifyType),
      text: "The IKE SA could not be rekeyed; another attempt follows.",
    });
    this.#schedule(ikeSa, now + wait * (0.5 + this.#services.random()), "rekey-ike", (at) => this.rekey(ikeSa, at));
  }

  #schedule(ikeSa: IkeSa, at: number, reason: TimeoutReason, action: (now: number) => void): void {
    ikeSa.timers.push(this.#services.timers.schedule(at, reason, action));
  }
}

const formatPeer = ({ peers }: Pick<IkeSa, "peers">): string => (peers === undefined ? "The peer" : formatIdentity(peers.remoteId));

/** A peer that answers no Delete, or sends none for what it has replaced, is not waited for on more than `max_ike_sas` of its IKE SAs at once. */
function forgetLeaving({ config, peers }: IkeSa, ofPeer: readonly IkeSa[], now: number): void {
  const limit = config?.maxIkeSas ?? Infinity;
  const leaving = ofPeer.filter(({ state: { kind } }) => kind === "DELETING" || kind === "REKEYED");
  for (const other of leaving.slice(0, Math.max(0, leaving.length - limit))) {
    other.destroy(`${formatPeer({ peers })} has not closed it, as ${limit} others (max_ike_sas)`, "local", now);
  }
}
