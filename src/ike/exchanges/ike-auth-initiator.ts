/** IKE_AUTH as initiator (RFC 7296 §1.2, §2.15): our identity and its proof, the peer's, and the first Child SA along with them. */
import { ExchangeType, NotifyType } from "../../wire/iana/index.ts";
import { findErrorNotify, findNotify, notify, ppkIdentity, setWindowSize, windowSizeOf } from "../../wire/notify.ts";
import type { NotifyPayload, Payload } from "../../wire/payload.ts";
import { certificateRequests } from "../certificate-payloads.ts";
import { installChild } from "../child-installation.ts";
import { ChildOffer, type ChildPlan } from "../child-offer.ts";
import { boundToAddress } from "../child-selectors.ts";
import type { ConnectionConfig } from "../config.ts";
import { notePeersToken, ownToken } from "../crash-tokens.ts";
import { AuthenticationFailed, MalformedMessage, NoAgreement, PeerMisbehaved } from "../errors.ts";
import type { Abandoned, Exchange } from "../exchanger.ts";
import type { Handshake } from "../handshake.ts";
import { formatIdentity, sameIdentity, type Identity } from "../identity.ts";
import type { IkeSa } from "../ike-sa.ts";
import { adoptMobike, mobikeOffer } from "../mobike-notifies.ts";
import { blamingPpk, formatPpk, settlePpkAsInitiator } from "../ppk.ts";
import type { PpkKeys } from "../ppk-keys.ts";
import { prove, requireProof, type OwnProof } from "../proof.ts";
import { noteRedirect } from "../redirect.ts";
import { authRefusalText, childRefusalText } from "../refusal-text.ts";
import { required } from "../required.ts";
import { adoptConfiguration, configurationRequest } from "./configuration-initiator.ts";
import { DeleteUnusedSpi } from "./delete-child.ts";

export interface IkeAuthOutcome {
  /** Called before the first Child SA is looked at: the IKE SA stands whatever becomes of that. */
  readonly established: (now: number) => void;
  /** No Child SA was asked for. */
  readonly childless: (now: number) => void;
  readonly childCreated: (now: number) => void;
  readonly childRefused: (notifyType: number, text: string, now: number) => void;
  /** The IKE SA is not to be: `text` for the operator. `tellPeer`: it believes otherwise (RFC 7296 §2.21.2). */
  readonly failed: (text: string, tellPeer: boolean, now: number) => void;
  readonly abandoned: (why: Abandoned, now: number) => void;
}

export interface IkeAuthPlan {
  readonly config: ConnectionConfig;
  readonly handshake: Handshake;
  /** Undefined: the IKE SA alone (RFC 6023). */
  readonly child: ChildPlan | undefined;
  /** We know of no other IKE SA with this peer (§2.4). */
  readonly initialContact: boolean;
}

interface InitiatorProof extends OwnProof {
  /** PPK_IDENTITY, and NO_PPK_AUTH if it may go without (RFC 8784 §3). */
  readonly ppk: readonly NotifyPayload[];
}

export class IkeAuthInitiator implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.IKE_AUTH;
  readonly name = "IKE_AUTH";
  readonly order = "alone";
  readonly concerns = "ike";
  readonly #plan: IkeAuthPlan;
  readonly #outcome: IkeAuthOutcome;
  #offer: ChildOffer | undefined;
  /** With the PPK, if the peer has one too. Ours until the peer has answered. */
  #mixedKeys: PpkKeys | undefined;
  /** How we have proved ourselves. */
  #localAuth = "";

  constructor(plan: IkeAuthPlan, outcome: IkeAuthOutcome) {
    this.#plan = plan;
    this.#outcome = outcome;
  }

  begin(host: IkeSa, now: number): readonly Payload[] | undefined {
    const { config, child } = this.#plan;
    const { services } = host;
    const proof = this.#prove(host, now);
    if (proof === undefined) return undefined;
    this.#localAuth = proof.how;
    this.#offer = child === undefined ? undefined : new ChildOffer(child, services, true);
    return [
      { type: "IDi", ...config.local.id },
      ...proof.certificates,
      ...(this.#plan.initialContact ? [notify(NotifyType.INITIAL_CONTACT)] : []),
      ...certificateRequests([config.remote]),
      ...(config.remote.id === "%any" ? [] : [{ type: "IDr" as const, ...config.remote.id }]),
      proof.auth,
      setWindowSize(services.config.windowSize),
      ...(child?.group.requestNotifies("first", child.cpu) ?? []),
      ...(this.#offer === undefined ? [] : [...configurationRequest(host), ...this.#offer.saPayloads, ...this.#offer.tsPayloads]),
      ...mobikeOffer(host, config),
      ...proof.ppk,
      ...ownToken(host),
    ];
  }

  handleResponse(host: IkeSa, payloads: readonly Payload[], now: number): void {
    // It is being closed on command already: the Delete follows now that the window is free.
    if (host.state.kind !== "AUTHENTICATING") {
      this.#offer?.release();
      this.#mixedKeys?.wipe();
      return;
    }
    const refusal = findErrorNotify(payloads);
    if (refusal !== undefined && !payloads.some(({ type }) => type === "AUTH")) {
      this.#offer?.release();
      this.#mixedKeys?.wipe();
      const text = authRefusalText(refusal.notifyType, this.#plan.config, this.#localAuth);
      this.#outcome.failed(text + this.#ppkSuspicion, false, now);
      return;
    }
    let window: number | undefined;
    try {
      this.#authenticate(host, payloads);
      const notified = findNotify(payloads, NotifyType.SET_WINDOW_SIZE);
      window = notified === undefined ? undefined : windowSizeOf(notified);
    } catch (error) {
      this.#offer?.release();
      this.#mixedKeys?.wipe();
      if (error instanceof AuthenticationFailed || error instanceof PeerMisbehaved) this.#outcome.failed(error.message, true, now);
      else if (error instanceof MalformedMessage)
        this.#outcome.failed(`The peer's answer to IKE_AUTH cannot be used: ${error.message}.`, true, now);
      else throw error;
      return;
    }
    adoptMobike(host, this.#plan.config, payloads);
    notePeersToken(host, payloads);
    noteRedirect(host, payloads);
    host.transition({ kind: "ESTABLISHED" }, "authenticated");
    this.#outcome.established(now);
    if (window !== undefined) host.exchanger.setWindow(Math.min(window, host.services.config.windowSize), now);
    const { child } = this.#plan;
    if (child === undefined) {
      this.#outcome.childless(now);
      return;
    }
    if (refusal === undefined) {
      this.#createChild(host, child, payloads, now);
      return;
    }
    // §1.2: without the Child SA, the IKE SA is there all the same.
    this.#offer?.release();
    this.#refuseChild(child, refusal.notifyType, `the peer refused it: ${childRefusalText(refusal.notifyType, child)}`, now);
  }

  abandon(_host: IkeSa, why: Abandoned, now: number): void {
    this.#mixedKeys?.wipe();
    this.#offer?.release();
    this.#outcome.abandoned(why, now);
  }

  #authenticate(host: IkeSa, payloads: readonly Payload[]): void {
    const { config, handshake } = this.#plan;
    const { idType, data } = required(payloads, "IDr");
    const remoteId: Identity = { idType, data: data.slice() };
    if (config.remote.id !== "%any" && !sameIdentity(config.remote.id, remoteId)) {
      throw new AuthenticationFailed(
        `The peer calls itself ${formatIdentity(remoteId)}, but ${formatIdentity(config.remote.id)} is expected.`,
      );
    }
    const proof = required(payloads, "AUTH");
    const ppk = settlePpkAsInitiator(host.keys, config, this.#mixedKeys, payloads);
    const peer = blamingPpk(ppk, () => requireProof(host, "responder", config, handshake, remoteId, proof, payloads));
    host.peers = {
      localId: config.local.id,
      remoteId,
      localAuth: this.#localAuth,
      remoteAuth: peer.how + ppk.note,
      remoteValidUntil: peer.validUntil,
    };
  }

  /** Undefined, and the attempt has failed, when there is nothing to prove ourselves with. */
  #prove(host: IkeSa, now: number): InitiatorProof | undefined {
    const { config, handshake } = this.#plan;
    const { ppk } = config;
    const { usesPpk, certificatesAskedFor } = handshake.peerAbilities;
    const remoteId = config.remote.id === "%any" ? undefined : config.remote.id;
    try {
      const plain = prove(host, "initiator", config, handshake, remoteId, certificatesAskedFor);
      if (ppk === undefined || !usesPpk) return { ...plain, ppk: [] };
      this.#mixedKeys = host.keys.mixedWith(ppk.secret);
      const proof = prove(host, "initiator", config, handshake, remoteId, certificatesAskedFor, this.#mixedKeys);
      // The way back, for a responder that has no PPK of this name.
      const fallback = ppk.required ? [] : [notify(NotifyType.NO_PPK_AUTH, plain.auth.data)];
      return { ...proof, ppk: [ppkIdentity(ppk.id.data), ...fallback] };
    } catch (error) {
      if (!(error instanceof AuthenticationFailed)) throw error;
      this.#outcome.failed(error.message, false, now);
      return undefined;
    }
  }

  /** The peer does not say what it dislikes. */
  get #ppkSuspicion(): string {
    const { ppk } = this.#plan.config;
    if (ppk === undefined) return "";
    if (this.#mixedKeys === undefined) return ` We have not used ${formatPpk(ppk)}, for which the peer has no support.`;
    return ` Perhaps ${formatPpk(ppk)} is another one there, or unknown.`;
  }

  #createChild(host: IkeSa, child: ChildPlan, payloads: readonly Payload[], now: number): void {
    const offer = this.#offer;
    if (offer === undefined) return;
    const { handshake } = this.#plan;
    try {
      adoptConfiguration(host, payloads);
      const agreed = offer.read(payloads, boundToAddress(child.config, host));
      const { config, cpu, shared, group } = child;
      const keyInputs = { role: "initiator" as const, nonceI: handshake.nonceI, nonceR: handshake.nonceR, sharedSecret: undefined };
      const spiIn = offer.spiIn;
      installChild(
        host,
        {
          config,
          agreed,
          keyInputs,
          spiIn,
          cpu,
          shared,
          group,
          purpose: "first",
          rekeyOf: undefined,
          peerPayloads: payloads,
          awaitDelivery: undefined,
        },
        now,
      );
      offer.keepSpi();
    } catch (error) {
      if (!(error instanceof PeerMisbehaved) && !(error instanceof NoAgreement) && !(error instanceof MalformedMessage)) throw error;
      host.exchanger.enqueue(new DeleteUnusedSpi(offer.keepSpi()), now);
      const notifyType = error instanceof NoAgreement ? error.notifyType : NotifyType.INVALID_SYNTAX;
      this.#refuseChild(child, notifyType, `the peer's answer cannot be used: ${error.message}`, now);
      return;
    }
    this.#outcome.childCreated(now);
  }

  #refuseChild({ config }: ChildPlan, notifyType: number, why: string, now: number): void {
    this.#outcome.childRefused(notifyType, `No Child SA for ${config.name}: ${why}.`, now);
  }
}

/** Tells the peer that it is not believed; it closes the IKE SA (RFC 7296 §2.21.2). */
export class RejectPeer implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  readonly name = "INFORMATIONAL authentication failed";
  readonly order = "first";
  readonly concerns = "ike";
  readonly #why: string;

  constructor(why: string) {
    this.#why = why;
  }

  begin(): readonly Payload[] {
    return [notify(NotifyType.AUTHENTICATION_FAILED)];
  }

  handleResponse(host: IkeSa, _payloads: readonly Payload[], now: number): void {
    host.destroy(this.#why, "local", now);
  }

  abandon(): void {
    return;
  }
}
