/** IKE_INTERMEDIATE as initiator (RFC 9242), for the additional key exchanges between IKE_SA_INIT and IKE_AUTH (RFC 9370 §2.2.2). */
import { startKeyExchange, type KeyExchange } from "../../crypto/key-exchange.ts";
import { ExchangeType, KeyExchangeMethod, NotifyType } from "../../wire/iana/index.ts";
import { findErrorNotify } from "../../wire/notify.ts";
import type { Payload } from "../../wire/payload.ts";
import { PeerMisbehaved } from "../errors.ts";
import type { Exchange } from "../exchanger.ts";
import type { Handshake } from "../handshake.ts";
import type { IkeSa } from "../ike-sa.ts";
import { agreeOnSecret } from "../key-agreement.ts";
import { required } from "../required.ts";

export interface IkeIntermediateOutcome {
  /** All are done: IKE_AUTH may begin. */
  readonly completed: (now: number) => void;
  /** `text`: for the operator. */
  readonly failed: (text: string, now: number) => void;
}

/** One exchange for each of `methods`, each under the keys that the one before has made. */
export function exchangeKeys(
  ikeSa: IkeSa,
  handshake: Handshake,
  methods: readonly number[],
  outcome: IkeIntermediateOutcome,
  now: number,
): void {
  const [method, ...rest] = methods;
  if (method === undefined) {
    outcome.completed(now);
    return;
  }
  const next = { ...outcome, completed: (at: number) => exchangeKeys(ikeSa, handshake, rest, outcome, at) };
  ikeSa.exchanger.enqueue(new IkeIntermediate(method, handshake, next), now);
}

class IkeIntermediate implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.IKE_INTERMEDIATE;
  readonly name: string;
  readonly order = "alone";
  readonly concerns = "ike";
  readonly #method: number;
  readonly #handshake: Handshake;
  readonly #outcome: IkeIntermediateOutcome;
  #keyExchange: KeyExchange | undefined;

  constructor(method: number, handshake: Handshake, outcome: IkeIntermediateOutcome) {
    this.name = `IKE_INTERMEDIATE ${KeyExchangeMethod.nameOf(method)}`;
    this.#method = method;
    this.#handshake = handshake;
    this.#outcome = outcome;
  }

  begin(host: IkeSa): readonly Payload[] {
    this.#keyExchange = startKeyExchange(this.#method, host.services.entropy);
    return [{ type: "KE", method: this.#method, data: this.#keyExchange.publicValue }];
  }

  handleResponse(host: IkeSa, payloads: readonly Payload[], now: number): void {
    const keyExchange = this.#keyExchange;
    // It is being closed on command already: the Delete follows now that the window is free.
    if (host.state.kind !== "AUTHENTICATING" || keyExchange === undefined) {
      this.abandon();
      return;
    }
    try {
      const refusal = findErrorNotify(payloads);
      if (refusal !== undefined) {
        this.#outcome.failed(`The peer refused ${this.name}: ${NotifyType.nameOf(refusal.notifyType)}.`, now);
        return;
      }
      const ke = required(payloads, "KE");
      if (ke.method !== this.#method) throw new PeerMisbehaved("its key exchange is not the one agreed on");
      host.strengthenKeys(
        agreeOnSecret(() => keyExchange.sharedSecret(ke.data)),
        this.#handshake,
      );
    } finally {
      keyExchange.destroy();
    }
    this.#outcome.completed(now);
  }

  abandon(): void {
    this.#keyExchange?.destroy();
  }
}
