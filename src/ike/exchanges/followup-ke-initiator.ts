/** IKE_FOLLOWUP_KE as initiator (RFC 9370 §2.2.4): the additional key exchanges of a CREATE_CHILD_SA, one after the other. */
import { startKeyExchange, type KeyExchange } from "../../crypto/key-exchange.ts";
import { wipe } from "../../crypto/ike-keys.ts";
import { ExchangeType, KeyExchangeMethod, NotifyType } from "../../wire/iana/index.ts";
import { findErrorNotify, findNotify, notify } from "../../wire/notify.ts";
import type { Payload } from "../../wire/payload.ts";
import { MalformedMessage, PeerMisbehaved } from "../errors.ts";
import type { Abandoned, Exchange } from "../exchanger.ts";
import type { IkeSa } from "../ike-sa.ts";
import { agreeOnSecret } from "../key-agreement.ts";
import { required } from "../required.ts";

export interface FollowupOutcome {
  /** `secrets`: SK(1) to SK(n), wiped after it. */
  readonly completed: (secrets: readonly Uint8Array[], now: number) => void;
  readonly refused: (notifyType: number, now: number) => void;
  /** The peer's answer cannot be used; it may believe that the SA is there. */
  readonly unusable: (error: PeerMisbehaved | MalformedMessage, now: number) => void;
  readonly abandoned: (why: Abandoned, now: number) => void;
}

export interface FollowupPlan {
  readonly concerns: "child" | "ike";
  /** Of the exchange that is followed up, for logs. */
  readonly name: string;
  /** At least one. */
  readonly methods: readonly number[];
}

/** `answer`: the payloads of the response to CREATE_CHILD_SA. Throws PeerMisbehaved if they do not say how to refer to it. */
export function followUp(host: IkeSa, plan: FollowupPlan, answer: readonly Payload[], outcome: FollowupOutcome, now: number): void {
  host.exchanger.enqueue(new FollowupKe(plan, linkOf(answer), [], outcome), now);
}

/** The peer's state is opaque: it is sent back as it came. */
function linkOf(payloads: readonly Payload[]): Uint8Array {
  const link = findNotify(payloads, NotifyType.ADDITIONAL_KEY_EXCHANGE)?.data;
  if (link === undefined) throw new PeerMisbehaved("its answer does not say how to go on with the additional key exchanges");
  return link.slice();
}

class FollowupKe implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.IKE_FOLLOWUP_KE;
  readonly name: string;
  readonly order = "next";
  readonly concerns: "child" | "ike";
  readonly #plan: FollowupPlan;
  readonly #link: Uint8Array;
  readonly #secrets: Uint8Array[];
  readonly #outcome: FollowupOutcome;
  #keyExchange: KeyExchange | undefined;

  constructor(plan: FollowupPlan, link: Uint8Array, secrets: Uint8Array[], outcome: FollowupOutcome) {
    this.name = `IKE_FOLLOWUP_KE ${secrets.length + 1} of ${plan.methods.length} for ${plan.name}`;
    this.concerns = plan.concerns;
    this.#plan = plan;
    this.#link = link;
    this.#secrets = secrets;
    this.#outcome = outcome;
  }

  begin(host: IkeSa): readonly Payload[] {
    const method = this.#plan.methods[this.#secrets.length] ?? KeyExchangeMethod.NONE;
    this.#keyExchange = startKeyExchange(method, host.services.entropy);
    return [{ type: "KE", method, data: this.#keyExchange.publicValue }, notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, this.#link)];
  }

  handleResponse(host: IkeSa, payloads: readonly Payload[], now: number): void {
    const keyExchange = this.#keyExchange;
    if (keyExchange === undefined) return;
    const refusal = findErrorNotify(payloads);
    if (refusal !== undefined) {
      this.#forget();
      this.#outcome.refused(refusal.notifyType, now);
      return;
    }
    try {
      const ke = required(payloads, "KE");
      if (ke.method !== keyExchange.method) throw new PeerMisbehaved("its key exchange is not the one agreed on");
      this.#secrets.push(agreeOnSecret(() => keyExchange.sharedSecret(ke.data)));
      keyExchange.destroy();
      if (this.#secrets.length < this.#plan.methods.length) {
        host.exchanger.enqueue(new FollowupKe(this.#plan, linkOf(payloads), this.#secrets, this.#outcome), now);
        return;
      }
    } catch (error) {
      if (!(error instanceof PeerMisbehaved) && !(error instanceof MalformedMessage)) throw error;
      this.#forget();
      this.#outcome.unusable(error, now);
      return;
    }
    try {
      this.#outcome.completed(this.#secrets, now);
    } finally {
      this.#forget();
    }
  }

  abandon(_host: IkeSa, why: Abandoned, now: number): void {
    this.#forget();
    this.#outcome.abandoned(why, now);
  }

  #forget(): void {
    this.#keyExchange?.destroy();
    wipe(...this.#secrets);
  }
}
