/** Our token for an IKE SA that has taken the place of another (RFC 6290 §4.3), when its SPIs were not known early enough to send it along. */
import { ExchangeType } from "../../wire/iana/index.ts";
import type { Payload } from "../../wire/payload.ts";
import { ownToken } from "../crash-tokens.ts";
import type { Exchange } from "../exchanger.ts";
import type { IkeSa } from "../ike-sa.ts";

export class TellToken implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  readonly name = "INFORMATIONAL crash token";
  readonly order = "first";
  readonly concerns = "nothing";

  begin(host: IkeSa): readonly Payload[] {
    return ownToken(host);
  }

  handleResponse(): void {
    return;
  }

  abandon(): void {
    return;
  }
}
