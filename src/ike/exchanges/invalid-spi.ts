/** INVALID_SPI under the protection of an IKE SA (RFC 7296 §1.5): one end gets ESP on an SPI that it does not have. */
import type { EspSpi } from "../../ipsec/names.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../../wire/iana/index.ts";
import { findNotifies, invalidSpi } from "../../wire/notify.ts";
import type { Payload } from "../../wire/payload.ts";
import { espSpiFromOctets, espSpiOctets } from "../esp-spi.ts";
import type { Exchange } from "../exchanger.ts";
import type { IkeSa } from "../ike-sa.ts";

/** Milliseconds between two rekeys that a peer can bring about in this way. */
const INTERVAL = 10_000;

export class TellInvalidSpi implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  readonly name = "INFORMATIONAL invalid SPI";
  readonly order = "normal";
  readonly concerns = "nothing";
  readonly #spi: EspSpi;

  constructor(spi: EspSpi) {
    this.#spi = spi;
  }

  begin(host: IkeSa): readonly Payload[] | undefined {
    // It may have come to be while this waited.
    return host.services.isEspSpiTaken(this.#spi) ? undefined : [invalidSpi(espSpiOctets(this.#spi))];
  }

  handleResponse(): void {
    return;
  }

  abandon(): void {
    return;
  }
}

/**
 * The peer does not know a Child SA that we send on. §2.21.4 lets nothing be changed because of that word alone, so the Child SA is rekeyed:
 * a peer that has it loses nothing, and one that has not says CHILD_SA_NOT_FOUND, which brings it up anew (§2.25.1).
 */
export function noteInvalidSpi(ikeSa: IkeSa, payloads: readonly Payload[], now: number): void {
  for (const payload of findNotifies(payloads, NotifyType.INVALID_SPI)) {
    const spi = espSpiFromOctets(payload.data, ProtocolId.ESP);
    const child = spi === undefined ? undefined : ikeSa.childByOutboundSpi(spi);
    if (child?.state.kind !== "INSTALLED" || now < ikeSa.suspicions.rekeyedAt + INTERVAL) continue;
    ikeSa.suspicions.rekeyedAt = now;
    const text = `the peer says that it does not know Child SA ${child.name} (INVALID_SPI); it is rekeyed`;
    const { outputs } = ikeSa.services;
    outputs.event({ kind: "hint", connection: ikeSa.connectionName, remote: ikeSa.addresses.remote, text });
    ikeSa.rekeyChildSa(child, now);
  }
}
