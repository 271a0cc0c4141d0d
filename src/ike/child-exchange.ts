/** The initiator's material for one CREATE_CHILD_SA about a Child SA: offer, nonce and, with PFS, a key exchange (RFC 7296 §1.3.1, §1.3.3). */
import { wipe } from "../crypto/ike-keys.ts";
import { startKeyExchange, type KeyExchange } from "../crypto/key-exchange.ts";
import type { EspSpi } from "../ipsec/names.ts";
import type { Payload } from "../wire/payload.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";
import { installChild } from "./child-installation.ts";
import { ChildOffer, type AgreedChild, type ChildPlan } from "./child-offer.ts";
import type { ChildSa } from "./child-sa.ts";
import { PeerMisbehaved } from "./errors.ts";
import type { IkeSa } from "./ike-sa.ts";
import { agreeOnSecret } from "./key-agreement.ts";
import { lowerNonce, newNonce } from "./nonce.ts";
import { additionalKeyExchangesOf, keyExchangeOf, keyExchangesOf } from "./proposals.ts";
import { only, required } from "./required.ts";
import type { Services } from "./services.ts";

/** A good answer, not yet acted upon. */
export interface ChildAnswer {
  readonly agreed: AgreedChild;
  readonly nonceR: Uint8Array;
  /** Methods of the additional key exchanges that are to follow. */
  readonly furtherMethods: readonly number[];
  /** Of Ni and Nr: decides collisions (§2.8.1). */
  readonly lowestNonce: Uint8Array;
}

export class ChildExchange {
  readonly offer: ChildOffer;
  readonly #nonce: Uint8Array;
  readonly #keyExchange: KeyExchange | undefined;
  #sharedSecret: Uint8Array | undefined;

  /** `method`: what the peer asked for by INVALID_KE_PAYLOAD; else the first of the proposals. */
  constructor(plan: ChildPlan, services: Services, method: number | undefined) {
    const ours = method ?? keyExchangesOf(plan.config.espProposals)[0];
    this.offer = new ChildOffer(plan, services, false);
    this.#nonce = newNonce(services.entropy);
    this.#keyExchange = ours === undefined ? undefined : startKeyExchange(ours, services.entropy);
  }

  get method(): number | undefined {
    return this.#keyExchange?.method;
  }

  /** [N(USE_TRANSPORT_MODE),] SA, Ni, [KEi,] TSi, TSr. */
  get payloads(): Payload[] {
    const ke = this.#keyExchange;
    return [
      ...this.offer.saPayloads,
      { type: "NONCE", data: this.#nonce },
      ...(ke === undefined ? [] : [{ type: "KE" as const, method: ke.method, data: ke.publicValue }]),
      ...this.offer.tsPayloads,
    ];
  }

  /** As {@link ChildOffer.read}. Throws PeerMisbehaved or NoAgreement: the peer has installed something that we have not. */
  read(payloads: readonly Payload[], inForce?: readonly TrafficSelector[]): ChildAnswer {
    const agreed = this.offer.read(payloads, inForce);
    const nonceR = required(payloads, "NONCE").data.slice();
    const furtherMethods = additionalKeyExchangesOf(agreed.chosen);
    this.#sharedSecret = this.#agree(agreed, payloads);
    return { agreed, nonceR, furtherMethods, lowestNonce: lowerNonce(this.#nonce, nonceR) };
  }

  /** `payloads`: of the answer. */
  install(ikeSa: IkeSa, answer: ChildAnswer, payloads: readonly Payload[], furtherSecrets: readonly Uint8Array[], now: number): ChildSa {
    const { plan } = this.offer;
    const { agreed, nonceR } = answer;
    const sharedSecret = this.#sharedSecret;
    this.#keyExchange?.destroy();
    return installChild(
      ikeSa,
      {
        config: plan.config,
        agreed,
        keyInputs: { role: "initiator", nonceI: this.#nonce, nonceR, sharedSecret, furtherSecrets },
        spiIn: this.offer.keepSpi(),
        cpu: plan.cpu,
        shared: plan.shared,
        group: plan.group,
        purpose: plan.purpose.kind,
        rekeyOf: plan.purpose.kind === "rekey" ? plan.purpose.old : undefined,
        peerPayloads: payloads,
        awaitDelivery: undefined,
      },
      now,
    );
  }

  /** Nothing came of it. */
  release(): void {
    this.#forget();
    this.offer.release();
  }

  /** Nothing came of it here, but the peer believes otherwise. Gives our SPI, which it has to be told to forget. */
  renounce(): EspSpi {
    this.#forget();
    return this.offer.keepSpi();
  }

  #forget(): void {
    this.#keyExchange?.destroy();
    if (this.#sharedSecret !== undefined) wipe(this.#sharedSecret);
  }

  #agree(agreed: AgreedChild, payloads: readonly Payload[]): Uint8Array | undefined {
    const chosen = keyExchangeOf(agreed.chosen);
    // §1.3.1: without a KE in the chosen proposal, KE payloads are to be ignored.
    if (chosen === undefined) return undefined;
    const ke = only(payloads, "KE");
    const ours = this.#keyExchange;
    if (ours === undefined || ke?.method !== ours.method || chosen !== ours.method)
      throw new PeerMisbehaved("its key exchange is not the one it chose");
    return agreeOnSecret(() => ours.sharedSecret(ke.data));
  }
}
