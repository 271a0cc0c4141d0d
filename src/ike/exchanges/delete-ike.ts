/** Closing an IKE SA, and with it all its Child SAs (RFC 7296 §1.4.1). */
import { ExchangeType, ProtocolId } from "../../wire/iana/index.ts";
import type { Payload } from "../../wire/payload.ts";
import type { Exchange } from "../exchanger.ts";
import type { IkeSa } from "../ike-sa.ts";

/** Takes back what waits to be sent, and sends the Delete as soon as the window allows. Without an answer the IKE SA goes all the same. */
export function closeIkeSa(ikeSa: IkeSa, why: string, now: number): void {
  if (ikeSa.state.kind === "DELETING" || ikeSa.state.kind === "DEAD") return;
  if (!ikeSa.hasKeys || ikeSa.state.kind === "HALF_OPEN") {
    ikeSa.destroy(why, "local", now);
    return;
  }
  ikeSa.transition({ kind: "DELETING" }, why);
  for (const exchange of ikeSa.exchanger.takeQueue()) exchange.abandon(ikeSa, "IKE SA deleted", now);
  ikeSa.exchanger.enqueue(new DeleteIke(why), now);
}

class DeleteIke implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  readonly name = "INFORMATIONAL delete IKE SA";
  readonly order = "first";
  readonly concerns = "ike";
  readonly #why: string;

  constructor(why: string) {
    this.#why = why;
  }

  begin(): readonly Payload[] {
    return [{ type: "DELETE", protocolId: ProtocolId.IKE, spiSize: 0, spis: [] }];
  }

  /** Whatever it says: a Delete cannot be refused. */
  handleResponse(host: IkeSa, _payloads: readonly Payload[], now: number): void {
    host.destroy(this.#why, "local", now);
  }

  abandon(): void {
    return;
  }
}
