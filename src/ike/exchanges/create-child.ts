/** CREATE_CHILD_SA for a new Child SA, as initiator (RFC 7296 §1.3.1): the first of its selectors, or one more for a CPU (RFC 9611). */
import { ExchangeType, NotifyType } from "../../wire/iana/index.ts";
import { findErrorNotify } from "../../wire/notify.ts";
import type { Payload } from "../../wire/payload.ts";
import { ChildExchange, type ChildAnswer } from "../child-exchange.ts";
import type { ChildPlan } from "../child-offer.ts";
import { boundToAddress } from "../child-selectors.ts";
import type { ChildSa } from "../child-sa.ts";
import { wasDeletedEarly } from "../early-deletes.ts";
import { MalformedMessage, NoAgreement, PeerMisbehaved } from "../errors.ts";
import type { Abandoned, Exchange } from "../exchanger.ts";
import type { IkeSa } from "../ike-sa.ts";
import { methodToRetry } from "../invalid-ke.ts";
import { childRefusalText } from "../refusal-text.ts";
import { adoptConfiguration, configurationRequest } from "./configuration-initiator.ts";
import { DeleteUnusedSpi } from "./delete-child.ts";
import { followUp } from "./followup-ke-initiator.ts";

export interface CreateChildOutcome {
  readonly created: (child: ChildSa, now: number) => void;
  /** `notifyType`: of the peer's answer, or what comes closest. */
  readonly refused: (notifyType: number, text: string, now: number) => void;
  readonly abandoned: (why: Abandoned, now: number) => void;
}

export class CreateChild implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.CREATE_CHILD_SA;
  readonly name: string;
  readonly order = "normal";
  readonly concerns = "child";
  readonly #plan: ChildPlan;
  readonly #outcome: CreateChildOutcome;
  readonly #method: number | undefined;
  #exchange: ChildExchange | undefined;

  constructor(plan: ChildPlan, outcome: CreateChildOutcome, method?: number) {
    this.name = `CREATE_CHILD_SA ${plan.config.name} for CPU ${plan.cpu}`;
    this.#plan = plan;
    this.#outcome = outcome;
    this.#method = method;
  }

  begin(host: IkeSa): readonly Payload[] {
    this.#exchange = new ChildExchange(this.#plan, host.services, this.#method);
    const notifies = this.#plan.group.requestNotifies(this.#plan.purpose.kind, this.#plan.cpu);
    return [...notifies, ...(this.#isFirst ? configurationRequest(host) : []), ...this.#exchange.payloads];
  }

  handleResponse(host: IkeSa, payloads: readonly Payload[], now: number): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    const refusal = findErrorNotify(payloads);
    if (refusal === undefined) {
      this.#complete(host, exchange, payloads, now);
      return;
    }
    const wanted = methodToRetry(refusal, exchange.method, this.#plan.config.espProposals);
    exchange.release();
    if (wanted !== undefined && this.#method === undefined) {
      host.exchanger.enqueue(new CreateChild(this.#plan, this.#outcome, wanted), now);
      return;
    }
    this.#refused(refusal.notifyType, now);
  }

  abandon(_host: IkeSa, why: Abandoned, now: number): void {
    this.#exchange?.release();
    this.#outcome.abandoned(why, now);
  }

  /** Others have the selectors of the first one, address and all. */
  get #isFirst(): boolean {
    return this.#plan.purpose.kind === "first";
  }

  #complete(host: IkeSa, exchange: ChildExchange, payloads: readonly Payload[], now: number): void {
    try {
      if (this.#isFirst) adoptConfiguration(host, payloads);
      const answer = exchange.read(payloads, this.#isFirst ? boundToAddress(this.#plan.config, host) : undefined);
      const { furtherMethods: methods } = answer;
      if (methods.length === 0) {
        this.#install(host, exchange, answer, payloads, [], now);
        return;
      }
      const outcome = {
        completed: (secrets: readonly Uint8Array[], at: number) => this.#install(host, exchange, answer, payloads, secrets, at),
        refused: (notifyType: number, at: number) => {
          exchange.release();
          this.#refused(notifyType, at);
        },
        unusable: (error: Error, at: number) => this.#unusable(host, exchange, error, at),
        abandoned: (why: Abandoned, at: number) => this.abandon(host, why, at),
      };
      followUp(host, { concerns: "child", name: this.name, methods }, payloads, outcome, now);
    } catch (error) {
      if (!(error instanceof PeerMisbehaved) && !(error instanceof NoAgreement) && !(error instanceof MalformedMessage)) throw error;
      this.#unusable(host, exchange, error, now);
    }
  }

  #install(
    host: IkeSa,
    exchange: ChildExchange,
    answer: ChildAnswer,
    payloads: readonly Payload[],
    furtherSecrets: readonly Uint8Array[],
    now: number,
  ): void {
    try {
      const child = exchange.install(host, answer, payloads, furtherSecrets, now);
      this.#outcome.created(child, now);
      if (wasDeletedEarly(host, answer.agreed.spiOut)) {
        child.group.leave(child, "peer", now);
        host.forget(child, "deleted by the peer at once", "peer", now);
      }
    } catch (error) {
      if (!(error instanceof PeerMisbehaved) && !(error instanceof NoAgreement)) throw error;
      this.#unusable(host, exchange, error, now);
    }
  }

  /** The peer believes that the SA is there. */
  #unusable(host: IkeSa, exchange: ChildExchange, error: Error, now: number): void {
    host.exchanger.enqueue(new DeleteUnusedSpi(exchange.renounce()), now);
    const notifyType = error instanceof NoAgreement ? error.notifyType : NotifyType.INVALID_SYNTAX;
    this.#outcome.refused(
      notifyType,
      `The peer's answer for a Child SA of ${this.#plan.config.name} cannot be used: ${error.message}.`,
      now,
    );
  }

  #refused(notifyType: number, now: number): void {
    this.#outcome.refused(
      notifyType,
      `The peer refused a Child SA for ${this.#plan.config.name}: ${childRefusalText(notifyType, this.#plan)}.`,
      now,
    );
  }
}
