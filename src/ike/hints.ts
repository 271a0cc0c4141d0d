/**
 * Unprotected messages that claim that an SA of ours is unknown to the peer (RFC 7296 §1.5, §2.21.4). They prove nothing, so they change
 * nothing: at most the peer is asked, under protection, whether it lives. What does prove it is the peer's own token (RFC 6290). No message in
 * here is ever answered.
 */
import type { SocketAddress } from "../ipsec/sadb.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../wire/iana/index.ts";
import type { DecodedMessage } from "../wire/message.ts";
import { findNotify } from "../wire/notify.ts";
import { sameSocketAddress, type TransportAddresses } from "./addresses.ts";
import { provesCrash } from "./crash-tokens.ts";
import { espSpiFromOctets } from "./esp-spi.ts";
import type { IkeSa } from "./ike-sa.ts";
import { checkOnHint } from "./liveness.ts";
import { RateLimit } from "./rate-limit.ts";
import type { Registry } from "./registry.ts";
import type { Services } from "./services.ts";

/** Hints that are looked into: each may cost a search through all SAs. */
const RATE = { perSecond: 10, burst: 20 };

export class Hints {
  readonly #services: Services;
  readonly #registry: Registry;
  readonly #limit: RateLimit;

  constructor(services: Services, registry: Registry, now: number) {
    this.#services = services;
    this.#registry = registry;
    this.#limit = new RateLimit(RATE, now);
  }

  /**
   * An unprotected message other than IKE_SA_INIT.
   *
   * @param ikeSa the one whose SPIs it has, if there is one
   */
  receive(message: DecodedMessage, ikeSa: IkeSa | undefined, { remote }: TransportAddresses, now: number): void {
    this.#services.counters.drop(ikeSa === undefined ? "unknownSpi" : "unprotected");
    const { header, payloads } = message;
    if (header.isResponse) {
      if (ikeSa !== undefined && provesCrash(ikeSa, payloads)) {
        const text = "the peer has lost its SAs, and proves it (QUICK_CRASH_DETECTION)";
        this.#services.outputs.event({ kind: "hint", connection: ikeSa.connectionName, remote, text });
        ikeSa.destroy("the peer has started anew (QUICK_CRASH_DETECTION)", "peer", now, "peer unreachable");
        return;
      }
      const isHint = ikeSa !== undefined && findNotify(payloads, NotifyType.INVALID_IKE_SPI) !== undefined;
      if (isHint && this.#limit.allows(now)) this.#suspect(ikeSa, remote, "that it does not know this IKE SA (INVALID_IKE_SPI)", now);
      return;
    }
    if (header.exchangeType !== ExchangeType.INFORMATIONAL || !this.#limit.allows(now)) return;
    const owner = this.#ownerOfInvalidSpi(message, remote);
    if (owner !== undefined) this.#suspect(owner, remote, "that it does not know a Child SA (INVALID_SPI)", now);
  }

  /** The IKE SA with whoever is at `remote` whose Child SA the message says is unknown. */
  #ownerOfInvalidSpi({ payloads }: DecodedMessage, remote: SocketAddress): IkeSa | undefined {
    const payload = findNotify(payloads, NotifyType.INVALID_SPI);
    const spi = payload === undefined ? undefined : espSpiFromOctets(payload.data, ProtocolId.ESP);
    if (spi === undefined) return undefined;
    return this.#registry.ikeSas.find(
      (ikeSa) => sameSocketAddress(ikeSa.addresses.remote, remote) && ikeSa.childByOutboundSpi(spi) !== undefined,
    );
  }

  #suspect(ikeSa: IkeSa, remote: SocketAddress, claim: string, now: number): void {
    if (!checkOnHint(ikeSa, now)) return;
    const text = `somebody claims ${claim}; the peer is asked whether it lives`;
    this.#services.outputs.event({ kind: "hint", connection: ikeSa.connectionName, remote, text });
  }
}
