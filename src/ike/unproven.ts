/**
 * What we send outside of any IKE SA, unprotected, to peers that have proved nothing (RFC 7296 §1.5, §2.5, §2.21.4): seldom to one address,
 * and not often in all, so that a forger of addresses cannot make us flood anybody.
 */
import type { EspSpi } from "../ipsec/names.ts";
import { ExchangeType } from "../wire/iana/index.ts";
import { NO_IKE_SPI, type IkeHeader } from "../wire/ike-header.ts";
import { encodeMessage } from "../wire/message.ts";
import { invalidSpi } from "../wire/notify.ts";
import type { NotifyPayload } from "../wire/payload.ts";
import type { TransportAddresses } from "./addresses.ts";
import type { Counters } from "./counters.ts";
import { espSpiOctets } from "./esp-spi.ts";
import { RateLimit, SourceRateLimit, type Rate } from "./rate-limit.ts";

const IN_ALL: Rate = { perSecond: 20, burst: 50 };
const TO_ONE: Rate = { perSecond: 1, burst: 10 };
/** Refusals of IKE_SA_INIT, apart from the rest: a flood of one kind must not silence the other. */
const REFUSALS: Rate = { perSecond: 20, burst: 50 };
/** It tells a peer nothing new that another packet of the same SA has come. */
const INVALID_SPI_TO_ONE: Rate = { perSecond: 0.1, burst: 1 };

export class UnprovenAnswers {
  readonly #counters: Counters;
  readonly #send: (octets: Uint8Array, path: TransportAddresses) => void;
  readonly #inAll: RateLimit;
  readonly #refusals: RateLimit;
  readonly #toOne = new SourceRateLimit(TO_ONE);
  readonly #invalidSpi = new SourceRateLimit(INVALID_SPI_TO_ONE);

  constructor(counters: Counters, send: (octets: Uint8Array, path: TransportAddresses) => void, now: number) {
    this.#counters = counters;
    this.#send = send;
    this.#inAll = new RateLimit(IN_ALL, now);
    this.#refusals = new RateLimit(REFUSALS, now);
  }

  /**
   * Whether IKE_SA_INIT may be refused once more. A COOKIE needs no leave: it is never longer than what asks for it and costs one hash, and whoever
   * floods us must not be able to keep it from those who would return it (§2.6).
   */
  allowsRefusal(now: number): boolean {
    return this.#counted(this.#refusals.allows(now));
  }

  /** Notifies with the message's own SPIs and ID (§2.21.4). */
  answer(header: IkeHeader, payloads: readonly NotifyPayload[], path: TransportAddresses, now: number): void {
    if (!this.#counted(this.#toOne.allows(path.remote.address, now) && this.#inAll.allows(now))) return;
    const { initiatorSpi, responderSpi, exchangeType, messageId } = header;
    const answer = { initiatorSpi, responderSpi, exchangeType, messageId, isInitiator: !header.isInitiator, isResponse: true };
    this.#send(encodeMessage(answer, payloads), path);
  }

  /** ESP on an SPI that we do not have, from a peer that we have no IKE SA with: a request that gets no answer, with SPIs of zero (§1.5). */
  invalidSpi(spi: EspSpi, path: TransportAddresses, now: number): void {
    if (!this.#counted(this.#invalidSpi.allows(path.remote.address, now) && this.#inAll.allows(now))) return;
    const header = {
      initiatorSpi: NO_IKE_SPI,
      responderSpi: NO_IKE_SPI,
      exchangeType: ExchangeType.INFORMATIONAL,
      messageId: 0,
      isInitiator: true,
      isResponse: false,
    };
    this.#send(encodeMessage(header, [invalidSpi(espSpiOctets(spi))]), path);
  }

  #counted(isAllowed: boolean): boolean {
    if (!isAllowed) this.#counters.drop("rateLimited");
    return isAllowed;
  }
}
