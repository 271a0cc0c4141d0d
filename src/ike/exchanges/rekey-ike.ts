/**
 * CREATE_CHILD_SA that replaces the IKE SA itself, as initiator (RFC 7296 §1.3.2, §2.8, §2.18), and what to do when the peer does the same
 * at the same time (§2.8.2).
 */
import { startKeyExchange, type KeyExchange } from "../../crypto/key-exchange.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../../wire/iana/index.ts";
import { ikeSpiFromOctets, ikeSpiOctets, type IkeSpi } from "../../wire/ike-header.ts";
import { findErrorNotify, invalidKeMethodOf } from "../../wire/notify.ts";
import type { NotifyPayload, Payload } from "../../wire/payload.ts";
import { BrokenInvariant, NoAgreement, PeerMisbehaved } from "../errors.ts";
import type { Exchange } from "../exchanger.ts";
import { IkeSaKeys } from "../ike-sa-keys.ts";
import type { IkeRekeyInProgress } from "../ike-sa-state.ts";
import { successorOf, takeOver } from "../ike-sa-succession.ts";
import type { IkeSa } from "../ike-sa.ts";
import { agreeOnSecret } from "../key-agreement.ts";
import { compareNonces, lowerNonce, newNonce } from "../nonce.ts";
import { acceptChoice, keyExchangeOf, keyExchangesOf, withSpi } from "../proposals.ts";
import { required } from "../required.ts";
import { closeIkeSa } from "./delete-ike.ts";
import { tellOnReplaced } from "./update-addresses.ts";

export interface RekeyIkeOutcome {
  /** The old IKE SA goes on. */
  readonly failed: (old: IkeSa, notifyType: number, now: number) => void;
}

interface Offer {
  readonly spi: IkeSpi;
  readonly nonce: Uint8Array;
  readonly keyExchange: KeyExchange;
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
  #collision: { readonly successor: IkeSa; readonly lowestNonce: Uint8Array } | undefined;

  constructor(old: IkeSa, outcome: RekeyIkeOutcome, method?: number) {
    this.#old = old;
    this.#outcome = outcome;
    this.#method = method;
  }

  begin(host: IkeSa): readonly Payload[] | undefined {
    // The peer may have replaced it while this waited, and the queue gone over to the successor.
    if (host !== this.#old || host.state.kind !== "ESTABLISHED") return undefined;
    const { services, config } = host;
    const proposals = config?.proposals ?? [];
    const method = this.#method ?? keyExchangesOf(proposals)[0];
    if (method === undefined) throw new BrokenInvariant("an IKE SA without a key exchange method");
    host.transition({ kind: "REKEYING", rekey: this }, "our rekey");
    const spi = services.reserveIkeSpi();
    this.#offer = { spi, nonce: newNonce(services.entropy), keyExchange: startKeyExchange(method, services.entropy) };
    return [
      { type: "SA", proposals: withSpi(proposals, ikeSpiOctets(spi)) },
      { type: "NONCE", data: this.#offer.nonce },
      { type: "KE", method, data: this.#offer.keyExchange.publicValue },
    ];
  }

  collidedWith(successor: IkeSa, lowestNonce: Uint8Array): void {
    this.#collision = { successor, lowestNonce };
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
    let made: { readonly successor: IkeSa; readonly lowestNonce: Uint8Array };
    try {
      made = this.#read(host, offer, payloads, now);
    } catch (error) {
      this.#release(host, offer);
      if (error instanceof NoAgreement) {
        this.#keepOld(host, error.notifyType, now);
        return;
      }
      throw error;
    }
    this.#settle(host, made, now);
  }

  /** The old IKE SA is gone. What the peer made of its own rekey was taken over when its Delete came. */
  abandon(host: IkeSa): void {
    if (this.#offer !== undefined) this.#release(host, this.#offer);
  }

  /** The successor that the peer's exchange made, while ours is not answered. */
  get rival(): IkeSa | undefined {
    return this.#collision?.successor.state.kind === "PENDING" ? this.#collision.successor : undefined;
  }

  #read(host: IkeSa, offer: Offer, payloads: readonly Payload[], now: number): { successor: IkeSa; lowestNonce: Uint8Array } {
    const chosen = acceptChoice(withSpi(host.config?.proposals ?? [], ikeSpiOctets(offer.spi)), required(payloads, "SA").proposals);
    const ke = required(payloads, "KE");
    if (chosen.protocolId !== ProtocolId.IKE || chosen.peerSpi.length !== 8) throw new PeerMisbehaved("its new IKE SPI is malformed");
    if (ke.method !== offer.keyExchange.method || keyExchangeOf(chosen) !== ke.method)
      throw new PeerMisbehaved("its key exchange is not ours");
    const nonceR = required(payloads, "NONCE").data.slice();
    const sharedSecret = agreeOnSecret(() => offer.keyExchange.sharedSecret(ke.data));
    offer.keyExchange.destroy();
    const peerSpi = ikeSpiFromOctets(chosen.peerSpi);
    const inputs = { nonceI: offer.nonce, nonceR, spiI: offer.spi, spiR: peerSpi, sharedSecret };
    const keys = IkeSaKeys.rekey(host.keys, chosen.transforms, inputs, true, host.services.entropy);
    const successor = successorOf(host, { isOriginalInitiator: true, ownSpi: offer.spi, peerSpi, keys }, now);
    return { successor, lowestNonce: lowerNonce(offer.nonce, nonceR) };
  }

  #settle(host: IkeSa, { successor, lowestNonce }: { successor: IkeSa; lowestNonce: Uint8Array }, now: number): void {
    // On command, it is being closed: the peer has moved all to the successor, which must not live on.
    if (host.state.kind !== "REKEYING") {
      closeIkeSa(successor, "its predecessor is being closed", now);
      return;
    }
    const rival = this.rival;
    if (rival !== undefined && this.#collision !== undefined && compareNonces(lowestNonce, this.#collision.lowestNonce) < 0) {
      // §2.8.2: ours holds the lowest nonce, so ours is redundant; the peer closes the old one.
      this.#yieldTo(host, rival, now);
      closeIkeSa(successor, "redundant after a simultaneous rekey", now);
      return;
    }
    takeOver(host, successor, now);
    closeIkeSa(host, "rekeyed", now);
  }

  #refused(host: IkeSa, refusal: NotifyPayload, method: number, now: number): void {
    const wanted = refusal.notifyType === NotifyType.INVALID_KE_PAYLOAD ? invalidKeMethodOf(refusal) : undefined;
    const isOurs = wanted !== undefined && wanted !== method && keyExchangesOf(host.config?.proposals ?? []).includes(wanted);
    if (this.rival === undefined && isOurs && this.#method === undefined) {
      host.transition({ kind: "ESTABLISHED" }, "the peer wants another key exchange");
      host.exchanger.enqueue(new RekeyIke(host, this.#outcome, wanted), now);
      return;
    }
    this.#keepOld(host, refusal.notifyType, now);
  }

  #keepOld(host: IkeSa, notifyType: number, now: number): void {
    const rival = this.rival;
    if (rival !== undefined) {
      this.#yieldTo(host, rival, now);
      return;
    }
    if (host.state.kind !== "REKEYING") return;
    host.transition({ kind: "ESTABLISHED" }, `rekey failed: ${NotifyType.nameOf(notifyType)}`);
    this.#outcome.failed(host, notifyType, now);
  }

  #yieldTo(host: IkeSa, rival: IkeSa, now: number): void {
    takeOver(host, rival, now);
    host.transition({ kind: "REKEYED" }, "the peer's rekey stands");
    tellOnReplaced(host, now);
  }

  #release(host: IkeSa, { spi, keyExchange }: Offer): void {
    keyExchange.destroy();
    host.services.releaseIkeSpi(spi);
  }
}
