/**
 * IKE_SA_INIT as initiator (RFC 7296 §1.2, §2.6, §2.7, §2.23): proposals, key exchange and nonce out; the same back, or a COOKIE to be
 * returned, or another key exchange method asked for.
 *
 * Nothing here is authenticated: a refusal may be anybody's, so an answer that is better is waited for a while longer (§2.21.1), and what
 * becomes of the attempt then is not the end of the connection.
 */
import { startKeyExchange, type KeyExchange } from "../../crypto/key-exchange.ts";
import { SIGNATURE_HASHES } from "../../crypto/signature.ts";
import { ExchangeType, NotifyType } from "../../wire/iana/index.ts";
import { NO_IKE_SPI } from "../../wire/ike-header.ts";
import { encodeMessage, type DecodedMessage } from "../../wire/message.ts";
import { cookie, cookieOf, findErrorNotify, findNotify, invalidKeMethodOf, notify, signatureHashAlgorithms } from "../../wire/notify.ts";
import type { Payload } from "../../wire/payload.ts";
import type { ConnectionConfig } from "../config.ts";
import { LocalMisconfiguration, MalformedMessage, NoAgreement, PeerMisbehaved } from "../errors.ts";
import type { Handshake } from "../handshake.ts";
import { IkeSaKeys } from "../ike-sa-keys.ts";
import type { IkeSa } from "../ike-sa.ts";
import { agreeOnFragmentation, fragmentationNotifies } from "../fragmentation-support.ts";
import { agreeOnSecret } from "../key-agreement.ts";
import { detectNat, natDetectionNotifies, seenAddressHash } from "../nat-detection.ts";
import { newNonce } from "../nonce.ts";
import { peerAbilitiesOf } from "../peer-abilities.ts";
import { requirePpkSupport, usePpkNotifies } from "../ppk.ts";
import {
  acceptChoice,
  additionalKeyExchangesOf,
  haveAdditionalKeyExchanges,
  keyExchangeOf,
  keyExchangesOf,
  withSpi,
} from "../proposals.ts";
import { isRedirect, noteRedirect } from "../redirect.ts";
import { initRefusalText } from "../refusal-text.ts";
import { required } from "../required.ts";
import { Retransmission } from "../retransmission.ts";
import type { Timer } from "../timers.ts";

/** Demands for one cookie after another, or method after method, are met so often. */
const MAX_RESTARTS = 8;

/** Milliseconds that a refusal has to stand: the request is repeated at least once in them, and the true peer's answer to it counts more. */
const REFUSAL_PATIENCE = 4000;

/** "unproven": a refusal that anybody may have sent. */
export type InitFailure = "unproven" | "unreachable";

export interface IkeSaInitOutcome {
  readonly completed: (handshake: Handshake, now: number) => void;
  /** `why` is a sentence for the operator. */
  readonly failed: (why: string, kind: InitFailure, now: number) => void;
}

export class IkeSaInitInitiator {
  readonly #ikeSa: IkeSa;
  readonly #config: ConnectionConfig;
  readonly #outcome: IkeSaInitOutcome;
  readonly #nonce: Uint8Array;
  #keyExchange: KeyExchange;
  #cookie: Uint8Array | undefined;
  #request: Uint8Array = new Uint8Array(0);
  #retransmission: Retransmission | undefined;
  #restarts = 0;
  /** The end of our patience with a refusal. */
  #refusal: Timer | undefined;
  /** Whoever wants to send us elsewhere has said so; it may be anybody. */
  #isRedirected = false;

  /** Sends the first request. Throws LocalMisconfiguration if no proposal has a key exchange. */
  constructor(ikeSa: IkeSa, config: ConnectionConfig, outcome: IkeSaInitOutcome, now: number) {
    const { entropy } = ikeSa.services;
    const [method] = keyExchangesOf(config.proposals);
    if (method === undefined) throw new LocalMisconfiguration(`Connection ${config.name} has no key exchange method in its proposals.`);
    this.#ikeSa = ikeSa;
    this.#config = config;
    this.#outcome = outcome;
    this.#nonce = newNonce(entropy);
    this.#keyExchange = startKeyExchange(method, entropy);
    this.#send(now);
  }

  /** The IKE SA is given up: nothing is sent any more. */
  stop(): void {
    this.#refusal?.cancel();
    this.#retransmission?.stop();
    this.#keyExchange.destroy();
  }

  /** A message to our SPI that claims to be the response. `octets` is all of it. */
  handleResponse(message: DecodedMessage, octets: Uint8Array, now: number): void {
    const { counters } = this.#ikeSa.services;
    const { header, payloads } = message;
    if (header.messageId !== 0 || header.isInitiator || message.unsupportedCritical !== undefined) {
      counters.drop("answerRefused");
      return;
    }
    try {
      this.#handlePayloads(payloads, header.responderSpi, octets, now);
    } catch (error) {
      // A forger may be quicker than the peer: keep on waiting for a good answer.
      if (error instanceof MalformedMessage || error instanceof PeerMisbehaved) {
        counters.drop("answerRefused");
        return;
      }
      if (error instanceof NoAgreement) {
        this.#refused(error.message, now);
        return;
      }
      throw error;
    }
  }

  #handlePayloads(payloads: readonly Payload[], peerSpi: IkeSa["peerSpi"], octets: Uint8Array, now: number): void {
    const cookieNotify = findNotify(payloads, NotifyType.COOKIE);
    if (cookieNotify !== undefined) {
      this.#returnCookie(cookieOf(cookieNotify).slice(), now);
      return;
    }
    const refusal = findErrorNotify(payloads);
    if (refusal?.notifyType === NotifyType.INVALID_KE_PAYLOAD) {
      this.#changeMethod(invalidKeMethodOf(refusal), now);
      return;
    }
    if (refusal !== undefined) {
      this.#refused(initRefusalText(refusal.notifyType, this.#config.proposals), now);
      return;
    }
    if (isRedirect(payloads)) {
      if (!this.#isRedirected) noteRedirect(this.#ikeSa, payloads);
      this.#isRedirected = true;
      throw new PeerMisbehaved("it sends us to another gateway");
    }
    if (peerSpi === NO_IKE_SPI) throw new PeerMisbehaved("its SPI is zero");
    this.#complete(payloads, peerSpi, octets, now);
  }

  #complete(payloads: readonly Payload[], peerSpi: IkeSa["peerSpi"], octets: Uint8Array, now: number): void {
    const ikeSa = this.#ikeSa;
    const chosen = acceptChoice(withSpi(this.#config.proposals, new Uint8Array(0)), required(payloads, "SA").proposals);
    const ke = required(payloads, "KE");
    if (ke.method !== this.#keyExchange.method || keyExchangeOf(chosen) !== ke.method)
      throw new PeerMisbehaved("its key exchange is not ours");
    const isIntermediateSupported = findNotify(payloads, NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED) !== undefined;
    if (additionalKeyExchangesOf(chosen).length > 0 && !isIntermediateSupported)
      throw new PeerMisbehaved("it chose an additional key exchange without IKE_INTERMEDIATE");
    const peerAbilities = peerAbilitiesOf(payloads);
    requirePpkSupport(this.#config, peerAbilities);
    const nonceR = required(payloads, "NONCE").data.slice();
    const sharedSecret = agreeOnSecret(() => this.#keyExchange.sharedSecret(ke.data));
    const { ownSpi: spiI, services, addresses } = ikeSa;
    const nat = detectNat(payloads, spiI, peerSpi, addresses.local, addresses.remote);
    this.stop();
    ikeSa.peerSpi = peerSpi;
    ikeSa.nat = nat;
    ikeSa.seenAs = seenAddressHash(payloads);
    ikeSa.fragmentation = agreeOnFragmentation([this.#config], payloads);
    const inputs = { nonceI: this.#nonce, nonceR, spiI, spiR: peerSpi, sharedSecret };
    ikeSa.useKeys(IkeSaKeys.derive(chosen.transforms, inputs, true, services.entropy));
    this.#outcome.completed(
      { request: this.#request, response: octets.slice(), nonceI: this.#nonce, nonceR, peerAbilities, intermediate: ikeSa.intermediate },
      now,
    );
  }

  /** §2.6: the same request again, with the cookie as its first payload. */
  #returnCookie(value: Uint8Array, now: number): void {
    if (!this.#mayRestart(now)) return;
    this.#cookie = value;
    this.#send(now);
  }

  /** §1.2: the responder wants another of the methods that we offered; perhaps the first one again, after somebody else's answer. */
  #changeMethod(method: number, now: number): void {
    if (method === this.#keyExchange.method) throw new PeerMisbehaved("it asks for the key exchange that it has");
    if (!keyExchangesOf(this.#config.proposals).includes(method)) {
      this.#refused(`The peer asks for key exchange method ${method}, which is not one of ours.`, now);
      return;
    }
    if (!this.#mayRestart(now)) return;
    this.#keyExchange.destroy();
    this.#keyExchange = startKeyExchange(method, this.#ikeSa.services.entropy);
    this.#send(now);
  }

  #mayRestart(now: number): boolean {
    if (++this.#restarts <= MAX_RESTARTS) return true;
    this.#refused("The peer asked to start over again and again.", now);
    return false;
  }

  #send(now: number): void {
    this.#retransmission?.stop();
    const ikeSa = this.#ikeSa;
    const { services } = ikeSa;
    const header = {
      initiatorSpi: ikeSa.ownSpi,
      responderSpi: NO_IKE_SPI,
      exchangeType: ExchangeType.IKE_SA_INIT,
      isInitiator: true,
      isResponse: false,
      messageId: 0,
    };
    this.#request = encodeMessage(header, this.#payloads());
    const ports = {
      timers: services.timers,
      config: services.config.retransmit,
      random: () => services.random(),
      send: (datagrams: readonly Uint8Array[], attempt: number, at: number) => ikeSa.sendClear(datagrams, attempt, at),
      giveUp: (at: number) => this.#fail("The peer does not answer.", "unreachable", at),
    };
    this.#retransmission = new Retransmission([this.#request], ports, now);
  }

  #payloads(): Payload[] {
    const { ownSpi, addresses, services } = this.#ikeSa;
    const fake = this.#config.encap ? services.entropy.bytes(20) : undefined;
    return [
      ...(this.#cookie === undefined ? [] : [cookie(this.#cookie)]),
      { type: "SA", proposals: withSpi(this.#config.proposals, new Uint8Array(0)) },
      { type: "KE", method: this.#keyExchange.method, data: this.#keyExchange.publicValue },
      { type: "NONCE", data: this.#nonce },
      ...natDetectionNotifies(ownSpi, NO_IKE_SPI, addresses.local, addresses.remote, fake),
      ...fragmentationNotifies([this.#config]),
      ...(haveAdditionalKeyExchanges(this.#config.proposals) ? [notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)] : []),
      ...usePpkNotifies([this.#config]),
      ...(this.#config.remote.auth === "pubkey" ? [signatureHashAlgorithms(SIGNATURE_HASHES)] : []),
    ];
  }

  /** §2.21.1: "should continue trying for some time before giving up". The first refusal starts the clock; others add nothing. */
  #refused(why: string, now: number): void {
    const { counters, timers } = this.#ikeSa.services;
    if (this.#refusal !== undefined) {
      counters.drop("answerRefused");
      return;
    }
    this.#refusal = timers.schedule(now + REFUSAL_PATIENCE, "retry", (later) => this.#fail(why, "unproven", later));
  }

  #fail(why: string, kind: InitFailure, now: number): void {
    this.stop();
    this.#outcome.failed(why, kind, now);
  }
}
