/**
 * CREATE_CHILD_SA that replaces the IKE SA itself, as initiator (RFC 7296 §1.3.2, §2.8, §2.18), and what to do when the peer does the same
 * at the same time (§2.8.2).
 */
import { wipe } from "../../crypto/ike-keys.ts";
import { startKeyExchange, type KeyExchange } from "../../crypto/key-exchange.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../../wire/iana/index.ts";
import { ikeSpiFromOctets, ikeSpiOctets, type IkeSpi } from "../../wire/ike-header.ts";
import { findErrorNotify } from "../../wire/notify.ts";
import type { NotifyPayload, Payload } from "../../wire/payload.ts";
import { peersToken } from "../crash-tokens.ts";
import { BrokenInvariant, NoAgreement, PeerMisbehaved } from "../errors.ts";
import type { Exchange } from "../exchanger.ts";
import { IkeSaKeys } from "../ike-sa-keys.ts";
import type { IkeRekeyInProgress } from "../ike-sa-state.ts";
import { successorOf, takeOver } from "../ike-sa-succession.ts";
import type { IkeSa } from "../ike-sa.ts";
import { methodToRetry } from "../invalid-ke.ts";
import { agreeOnSecret } from "../key-agreement.ts";
import { compareNonces, lowerNonce, newNonce } from "../nonce.ts";
import { acceptChoice, additionalKeyExchangesOf, keyExchangeOf, keyExchangesOf, withSpi, type ChosenProposal } from "../proposals.ts";
import { required } from "../required.ts";
import type { RivalRekey } from "../rival-rekey.ts";
import { closeIkeSa } from "./delete-ike.ts";
import { followUp } from "./followup-ke-initiator.ts";
import { tellOnReplaced } from "./update-addresses.ts";

const REDUNDANT = "redundant after a simultaneous rekey";

export interface RekeyIkeOutcome {
  /** The old IKE SA goes on. */
  readonly failed: (old: IkeSa, notifyType: number, now: number) => void;
}

interface Offer {
  readonly spi: IkeSpi;
  readonly nonce: Uint8Array;
  readonly keyExchange: KeyExchange;
  /** Once the peer has answered. */
  sharedSecret: Uint8Array | undefined;
}

/** A good answer, not yet acted upon. */
interface Agreement {
  readonly chosen: ChosenProposal;
  readonly peerSpi: IkeSpi;
  readonly nonceR: Uint8Array;
  readonly furtherMethods: readonly number[];
  /** Of Ni and Nr: decides collisions (§2.8.2). */
  readonly lowestNonce: Uint8Array;
  /** For the successor (RFC 6290 §4.3). */
  readonly peersToken: Uint8Array | undefined;
}

export class RekeyIke implements Exchange<IkeSa>, IkeRekeyInProgress<IkeSa> {
  readonly exchangeType = ExchangeType.CREATE_CHILD_SA;
  readonly name = "CREATE_CHILD_SA rekey IKE SA";
  readonly order = "alone";
  readonly concerns = "ike";
  readonly #old: IkeSa;
  readonly #outcome: RekeyIkeOutcome;
  readonly #method: number | undefined;
  #offer: Offer | undefined;
  #collision: RivalRekey<IkeSa> | undefined;
  /** The peer's rekey will stand when its additional key exchanges are done. */
  #hasYielded = false;
  #isFollowingUp = false;

  constructor(old: IkeSa, outcome: RekeyIkeOutcome, method?: number) {
    this.#old = old;
    this.#outcome = outcome;
    this.#method = method;
  }

  begin(host: IkeSa, now: number): readonly Payload[] | undefined {
    // The peer may have replaced it while this waited, and the queue gone over to the successor.
    if (host !== this.#old || host.state.kind !== "ESTABLISHED") return undefined;
    // Or be about to, as soon as its additional key exchanges are done.
    if (host.peersFollowup !== undefined) {
      this.#outcome.failed(host, NotifyType.TEMPORARY_FAILURE, now);
      return undefined;
    }
    const { services, config } = host;
    const proposals = config?.proposals ?? [];
    const method = this.#method ?? keyExchangesOf(proposals)[0];
    if (method === undefined) throw new BrokenInvariant("an IKE SA without a key exchange method");
    host.transition({ kind: "REKEYING", rekey: this }, "our rekey");
    const spi = services.reserveIkeSpi();
    this.#offer = {
      spi,
      nonce: newNonce(services.entropy),
      keyExchange: startKeyExchange(method, services.entropy),
      sharedSecret: undefined,
    };
    return [
      { type: "SA", proposals: withSpi(proposals, ikeSpiOctets(spi)) },
      { type: "NONCE", data: this.#offer.nonce },
      { type: "KE", method, data: this.#offer.keyExchange.publicValue },
    ];
  }

  get isFollowingUp(): boolean {
    return this.#isFollowingUp;
  }

  collidedWith(rival: RivalRekey<IkeSa>): void {
    this.#collision = rival;
  }

  rivalCompleted(now: number): void {
    const { rival } = this;
    if (this.#hasYielded && rival !== undefined) this.#yieldTo(this.#old, rival, now);
  }

  rivalInUse(now: number): void {
    if (this.rival !== undefined) this.#yieldTo(this.#old, this.rival, now);
  }

  rivalGone(now: number): void {
    if (this.#hasYielded) this.#keepOld(this.#old, NotifyType.TEMPORARY_FAILURE, now);
  }

  handleResponse(host: IkeSa, payloads: readonly Payload[], now: number): void {
    const offer = this.#offer;
    if (offer === undefined) return;
    const refusal = findErrorNotify(payloads);
    if (refusal !== undefined) {
      this.#release(host, offer);
      this.#refused(host, refusal, offer.keyExchange.method, now);
      return;
    }
    let agreement: Agreement;
    try {
      agreement = this.#read(host, offer, payloads);
    } catch (error) {
      this.#release(host, offer);
      if (error instanceof NoAgreement) {
        this.#keepOld(host, error.notifyType, now);
        return;
      }
      throw error;
    }
    if (agreement.furtherMethods.length > 0) this.#followUp(host, offer, agreement, payloads, now);
    else this.#settle(host, this.#succeed(host, offer, agreement, [], now), agreement.lowestNonce, now);
  }

  /** RFC 9370 §2.2.4: the rekey whose CREATE_CHILD_SA has the lowest nonce is not gone on with. */
  #followUp(host: IkeSa, offer: Offer, agreement: Agreement, payloads: readonly Payload[], now: number): void {
    if (host.state.kind !== "REKEYING") {
      this.#release(host, offer);
      return;
    }
    if (this.#mustYield(agreement.lowestNonce)) {
      this.#release(host, offer);
      this.#yield(host, now);
      return;
    }
    this.#dropPendingRival(host, now);
    this.#isFollowingUp = true;
    const outcome = {
      completed: (secrets: readonly Uint8Array[], at: number) => {
        this.#isFollowingUp = false;
        this.#settle(host, this.#succeed(host, offer, agreement, secrets, at), agreement.lowestNonce, at);
      },
      refused: (notifyType: number, at: number) => {
        this.#release(host, offer);
        this.#keepOld(host, notifyType, at);
      },
      unusable: (error: Error) => {
        this.#release(host, offer);
        throw error;
      },
      abandoned: () => this.abandon(host),
    };
    followUp(host, { concerns: "ike", name: this.name, methods: agreement.furtherMethods }, payloads, outcome, now);
  }

  /** The old IKE SA is gone. What the peer made of its own rekey was taken over when its Delete came. */
  abandon(host: IkeSa): void {
    if (this.#offer !== undefined) this.#release(host, this.#offer);
  }

  /** The successor that the peer's exchange made, while ours is not answered. */
  get rival(): IkeSa | undefined {
    const successor = this.#collision?.successor;
    return successor?.state.kind === "PENDING" ? successor : undefined;
  }

  /**
   * Whether the peer's rekey stands against ours, or will when it is complete. The nonces alone decide, as they do for the peer: what it made may
   * have been closed meanwhile, on command at either end, and then nothing stands.
   */
  #mustYield(lowestNonce: Uint8Array): boolean {
    const collision = this.#collision;
    if (collision === undefined || collision.isOver) return false;
    return compareNonces(lowestNonce, collision.lowestNonce) < 0;
  }

  #read(host: IkeSa, offer: Offer, payloads: readonly Payload[]): Agreement {
    const chosen = acceptChoice(withSpi(host.config?.proposals ?? [], ikeSpiOctets(offer.spi)), required(payloads, "SA").proposals);
    const ke = required(payloads, "KE");
    if (chosen.protocolId !== ProtocolId.IKE || chosen.peerSpi.length !== 8) throw new PeerMisbehaved("its new IKE SPI is malformed");
    if (ke.method !== offer.keyExchange.method || keyExchangeOf(chosen) !== ke.method)
      throw new PeerMisbehaved("its key exchange is not ours");
    const nonceR = required(payloads, "NONCE").data.slice();
    offer.sharedSecret = agreeOnSecret(() => offer.keyExchange.sharedSecret(ke.data));
    offer.keyExchange.destroy();
    const peerSpi = ikeSpiFromOctets(chosen.peerSpi);
    const furtherMethods = additionalKeyExchangesOf(chosen);
    const lowestNonce = lowerNonce(offer.nonce, nonceR);
    return { chosen, peerSpi, nonceR, furtherMethods, lowestNonce, peersToken: peersToken(payloads) };
  }

  #succeed(host: IkeSa, offer: Offer, agreement: Agreement, furtherSecrets: readonly Uint8Array[], now: number): IkeSa {
    const { chosen, peerSpi, nonceR } = agreement;
    const { sharedSecret } = offer;
    if (sharedSecret === undefined) throw new BrokenInvariant("an IKE SA is rekeyed without a shared secret");
    const inputs = { nonceI: offer.nonce, nonceR, spiI: offer.spi, spiR: peerSpi, sharedSecret, furtherSecrets };
    const keys = IkeSaKeys.rekey(host.keys, chosen.transforms, inputs, true, host.services.entropy);
    const successor = successorOf(host, { isOriginalInitiator: true, ownSpi: offer.spi, peerSpi, keys }, now);
    successor.peersToken = agreement.peersToken;
    return successor;
  }

  #settle(host: IkeSa, successor: IkeSa, lowestNonce: Uint8Array, now: number): void {
    // The peer uses its own already.
    if (host.state.kind === "REKEYED") {
      closeIkeSa(successor, REDUNDANT, now);
      return;
    }
    // On command, it is being closed: the peer has moved all to the successor, which must not live on.
    if (host.state.kind !== "REKEYING") {
      closeIkeSa(successor, "its predecessor is being closed", now);
      return;
    }
    if (this.#mustYield(lowestNonce)) {
      // §2.8.2: ours holds the lowest nonce, so ours is redundant; the peer closes the old one.
      this.#yield(host, now);
      closeIkeSa(successor, REDUNDANT, now);
      return;
    }
    this.#dropPendingRival(host, now);
    takeOver(host, successor, now);
    closeIkeSa(host, "rekeyed", now);
  }

  #refused(host: IkeSa, refusal: NotifyPayload, method: number, now: number): void {
    const wanted = methodToRetry(refusal, method, host.config?.proposals ?? []);
    if (this.rival === undefined && !this.#isRivalPending && wanted !== undefined && this.#method === undefined) {
      host.transition({ kind: "ESTABLISHED" }, "the peer wants another key exchange");
      host.exchanger.enqueue(new RekeyIke(host, this.#outcome, wanted), now);
      return;
    }
    this.#keepOld(host, refusal.notifyType, now);
  }

  #keepOld(host: IkeSa, notifyType: number, now: number): void {
    this.#isFollowingUp = false;
    if (this.rival !== undefined || this.#isRivalPending) {
      this.#yield(host, now);
      return;
    }
    if (host.state.kind !== "REKEYING") return;
    host.transition({ kind: "ESTABLISHED" }, `rekey failed: ${NotifyType.nameOf(notifyType)}`);
    this.#outcome.failed(host, notifyType, now);
  }

  /** The peer's rekey has additional key exchanges to do yet. */
  get #isRivalPending(): boolean {
    return this.#collision?.successor === undefined && this.#collision?.isOver === false;
  }

  #dropPendingRival(host: IkeSa, now: number): void {
    if (host.peersFollowup !== undefined) host.followups.drop(host.peersFollowup, now);
  }

  #yield(host: IkeSa, now: number): void {
    this.#hasYielded = true;
    if (this.rival !== undefined) this.#yieldTo(host, this.rival, now);
  }

  #yieldTo(host: IkeSa, rival: IkeSa, now: number): void {
    takeOver(host, rival, now);
    host.transition({ kind: "REKEYED" }, "the peer's rekey stands");
    tellOnReplaced(host, now);
  }

  #release(host: IkeSa, { spi, keyExchange, sharedSecret }: Offer): void {
    keyExchange.destroy();
    if (sharedSecret !== undefined) wipe(sharedSecret);
    host.services.releaseIkeSpi(spi);
  }
}
