/** CREATE_CHILD_SA with REKEY_SA, as initiator (RFC 7296 §1.3.3, §2.8), and what to do when the peer rekeys the same SA (§2.8.1). */
import { ExchangeType, NotifyType, ProtocolId } from "../../wire/iana/index.ts";
import { findErrorNotify, rekeySa } from "../../wire/notify.ts";
import type { NotifyPayload, Payload } from "../../wire/payload.ts";
import { ChildExchange, type ChildAnswer } from "../child-exchange.ts";
import type { ChildPlan } from "../child-offer.ts";
import type { ChildRekeyInProgress, ChildSa } from "../child-sa.ts";
import { wasDeletedEarly } from "../early-deletes.ts";
import { MalformedMessage, NoAgreement, PeerMisbehaved } from "../errors.ts";
import { espSpiOctets } from "../esp-spi.ts";
import type { Exchange } from "../exchanger.ts";
import type { GroupBinding } from "../group-binding.ts";
import type { IkeSa } from "../ike-sa.ts";
import { methodToRetry } from "../invalid-ke.ts";
import { compareNonces } from "../nonce.ts";
import type { RivalRekey } from "../rival-rekey.ts";
import { closeChild, DeleteUnusedSpi } from "./delete-child.ts";
import { followUp } from "./followup-ke-initiator.ts";

export interface RekeyChildOutcome {
  /** Not replaced, and still there: `notifyType` says why. */
  readonly failed: (old: ChildSa, notifyType: number, now: number) => void;
  /** The peer does not know the SA any more; neither do we now. */
  readonly lost: (old: ChildSa, now: number) => void;
}

export class RekeyChild implements Exchange<IkeSa>, ChildRekeyInProgress {
  readonly exchangeType = ExchangeType.CREATE_CHILD_SA;
  readonly name: string;
  readonly order = "normal";
  readonly concerns = "child";
  readonly #old: ChildSa;
  readonly #group: GroupBinding;
  readonly #outcome: RekeyChildOutcome;
  readonly #method: number | undefined;
  #exchange: ChildExchange | undefined;
  #rival: RivalRekey<ChildSa> | undefined;
  /** The peer's rekey stands, or will when its additional key exchanges are done. */
  #hasYielded = false;
  #isFollowingUp = false;

  constructor(old: ChildSa, group: GroupBinding, outcome: RekeyChildOutcome, method?: number) {
    this.name = `CREATE_CHILD_SA rekey ${old.name}`;
    this.#old = old;
    this.#group = group;
    this.#outcome = outcome;
    this.#method = method;
  }

  isReady(): boolean {
    return this.#old.mayBeNamed || !this.#old.isAlive;
  }

  begin(host: IkeSa, now: number): readonly Payload[] | undefined {
    // While it waited, the peer may have rekeyed or closed it.
    if (this.#old.state.kind !== "INSTALLED") return undefined;
    if (this.#old.peersRekey?.isOver === false) {
      this.#outcome.failed(this.#old, NotifyType.TEMPORARY_FAILURE, now);
      return undefined;
    }
    const { config, mode, localTs, remoteTs, spiIn } = this.#old.parameters;
    const { cpu, shared } = this.#group.seatForRekey(this.#old);
    const purpose = { kind: "rekey", old: this.#old } as const;
    const plan: ChildPlan = { config, group: this.#group, purpose, cpu, shared, mode, localTs, remoteTs };
    this.#old.transition({ kind: "REKEYING", rekey: this });
    this.#exchange = new ChildExchange(plan, host.services, this.#method);
    return [rekeySa(ProtocolId.ESP, espSpiOctets(spiIn)), ...this.#group.requestNotifies("rekey", cpu), ...this.#exchange.payloads];
  }

  get isFollowingUp(): boolean {
    return this.#isFollowingUp;
  }

  collidedWith(rival: RivalRekey<ChildSa>): void {
    this.#rival = rival;
    if (this.#hasYielded) this.#yield();
  }

  rivalGone(now: number): void {
    if (this.#hasYielded) this.#keepOld(NotifyType.TEMPORARY_FAILURE, now);
  }

  /** The peer's rekey, unless nothing comes of it or its successor has already gone again. */
  get #standing(): RivalRekey<ChildSa> | undefined {
    const rival = this.#rival;
    if (rival === undefined || rival.isOver) return undefined;
    return rival.successor?.isAlive === false ? undefined : rival;
  }

  handleResponse(host: IkeSa, payloads: readonly Payload[], now: number): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    const refusal = findErrorNotify(payloads);
    if (refusal !== undefined) {
      exchange.release();
      this.#refused(host, refusal, exchange.method, now);
      return;
    }
    try {
      this.#complete(host, exchange, exchange.read(payloads), payloads, now);
    } catch (error) {
      if (!(error instanceof PeerMisbehaved) && !(error instanceof NoAgreement) && !(error instanceof MalformedMessage)) throw error;
      host.exchanger.enqueue(new DeleteUnusedSpi(exchange.renounce()), now);
      this.#keepOld(NotifyType.INVALID_SYNTAX, now);
    }
  }

  abandon(): void {
    this.#exchange?.release();
  }

  #complete(host: IkeSa, exchange: ChildExchange, answer: ChildAnswer, payloads: readonly Payload[], now: number): void {
    if (wasDeletedEarly(host, answer.agreed.spiOut)) {
      exchange.release();
      this.#keepOld(NotifyType.TEMPORARY_FAILURE, now);
      return;
    }
    const { furtherMethods: methods } = answer;
    const rival = this.#standing;
    if (rival !== undefined && compareNonces(answer.lowestNonce, rival.lowestNonce) < 0) {
      // §2.8.1: the lowest of the four nonces is in our exchange, so its SA is the redundant one, and it is for us to close it; or not to
      // complete it, with additional key exchanges (RFC 9370 §2.2.4).
      this.#yield();
      if (methods.length > 0) exchange.release();
      else host.exchanger.enqueue(new DeleteUnusedSpi(exchange.renounce()), now);
      return;
    }
    // The peer's, if it is not complete, is not going to be.
    if (this.#old.peersFollowup !== undefined) host.followups.drop(this.#old.peersFollowup, now);
    if (methods.length === 0) {
      this.#install(host, exchange, answer, payloads, [], now);
      return;
    }
    this.#isFollowingUp = true;
    const outcome = {
      completed: (secrets: readonly Uint8Array[], at: number) => this.#install(host, exchange, answer, payloads, secrets, at),
      refused: (notifyType: number, at: number) => {
        exchange.release();
        this.#keepOld(notifyType, at);
      },
      unusable: (_error: Error, at: number) => {
        host.exchanger.enqueue(new DeleteUnusedSpi(exchange.renounce()), at);
        this.#keepOld(NotifyType.INVALID_SYNTAX, at);
      },
      abandoned: () => this.abandon(),
    };
    followUp(host, { concerns: "child", name: this.name, methods }, payloads, outcome, now);
  }

  #install(
    host: IkeSa,
    exchange: ChildExchange,
    answer: ChildAnswer,
    payloads: readonly Payload[],
    furtherSecrets: readonly Uint8Array[],
    now: number,
  ): void {
    this.#isFollowingUp = false;
    if (furtherSecrets.length > 0 && wasDeletedEarly(host, answer.agreed.spiOut)) {
      exchange.release();
      this.#keepOld(NotifyType.TEMPORARY_FAILURE, now);
      return;
    }
    const child = exchange.install(host, answer, payloads, furtherSecrets, now);
    host.services.outputs.event({ kind: "childRekeyed", old: host.childRef(this.#old), sa: host.childRef(child) });
    // "The new outbound only then; the old inbound late": closing keeps it until the peer has answered.
    closeChild(host, this.#old, "rekeyed", now);
  }

  #refused(host: IkeSa, refusal: NotifyPayload, method: number | undefined, now: number): void {
    const wanted = methodToRetry(refusal, method, this.#old.parameters.config.espProposals);
    if (this.#standing === undefined && wanted !== undefined && this.#method === undefined) {
      if (this.#old.state.kind === "REKEYING") this.#old.transition({ kind: "INSTALLED" });
      host.exchanger.enqueue(new RekeyChild(this.#old, this.#group, this.#outcome, wanted), now);
      return;
    }
    if (refusal.notifyType === NotifyType.CHILD_SA_NOT_FOUND && this.#standing === undefined && this.#old.state.kind === "REKEYING") {
      this.#group.leave(this.#old, "peer", now);
      host.forget(this.#old, "the peer does not know it any more", "peer", now);
      this.#outcome.lost(this.#old, now);
      return;
    }
    this.#keepOld(refusal.notifyType, now);
  }

  /** Ours failed; the peer's, if there was one, takes effect. */
  #keepOld(notifyType: number, now: number): void {
    this.#isFollowingUp = false;
    if (this.#standing !== undefined) {
      this.#yield();
      return;
    }
    if (this.#old.state.kind !== "REKEYING") return;
    this.#old.transition({ kind: "INSTALLED" });
    this.#outcome.failed(this.#old, notifyType, now);
  }

  /** The peer's successor stands, and the peer closes the old SA, if it has not yet. */
  #yield(): void {
    this.#hasYielded = true;
    if (this.#old.state.kind === "REKEYING" && this.#rival?.successor !== undefined) this.#old.transition({ kind: "REKEYED" });
  }
}
