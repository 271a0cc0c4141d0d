/** Closing Child SAs (RFC 7296 §1.4.1): an INFORMATIONAL exchange with the SPIs of each end's inbound half. */
import { type EspSpi } from "../../ipsec/names.ts";
import { ExchangeType, ProtocolId } from "../../wire/iana/index.ts";
import type { DeletePayload, Payload } from "../../wire/payload.ts";
import type { ChildSa } from "../child-sa.ts";
import { noteEarlyDelete } from "../early-deletes.ts";
import { espSpiFromOctets, espSpiOctets } from "../esp-spi.ts";
import type { Exchange } from "../exchanger.ts";
import type { IkeSa } from "../ike-sa.ts";

/**
 * Closes a Child SA from this end. Nothing is sent on it any more from here on; what the peer still sends is received until it has answered,
 * and for a grace time more.
 */
export function closeChild(ikeSa: IkeSa, child: ChildSa, why: string, now: number): void {
  if (child.state.kind === "DELETING" || child.state.kind === "DEAD") return;
  child.transition({ kind: "DELETING", why });
  child.cancelTimers();
  child.group.leave(child, "local", now);
  ikeSa.exchanger.enqueue(new DeleteChild(child, why), now);
}

class DeleteChild implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  readonly name: string;
  readonly order = "first";
  readonly concerns = "child";
  readonly #child: ChildSa;
  readonly #why: string;

  constructor(child: ChildSa, why: string) {
    this.name = `INFORMATIONAL delete ${child.name}`;
    this.#child = child;
    this.#why = why;
  }

  isReady(): boolean {
    return this.#child.mayBeNamed || this.#child.state.kind === "DEAD";
  }

  begin(): readonly Payload[] | undefined {
    // The peer's own Delete may have come first.
    return this.#child.state.kind === "DELETING" ? [deleteEsp([this.#child.parameters.spiIn])] : undefined;
  }

  /** With the peer's SPI, or without when its own Delete crossed ours: the SA is gone in either case. */
  handleResponse(host: IkeSa, _payloads: readonly Payload[], now: number): void {
    host.forget(this.#child, this.#why, "local", now);
  }

  /** The IKE SA takes its children with it. */
  abandon(): void {
    return;
  }
}

/** Tells the peer that we do not take part in a Child SA that it has already installed: our SPI was never in use. */
export class DeleteUnusedSpi implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  readonly name = "INFORMATIONAL delete of a Child SA not installed";
  readonly order = "first";
  readonly concerns = "child";
  readonly #spi: EspSpi;

  /** Takes over the reservation of `spi`. */
  constructor(spi: EspSpi) {
    this.#spi = spi;
  }

  begin(): readonly Payload[] {
    return [deleteEsp([this.#spi])];
  }

  handleResponse(host: IkeSa): void {
    host.services.releaseEspSpi(this.#spi);
  }

  abandon(host: IkeSa): void {
    host.services.releaseEspSpi(this.#spi);
  }
}

/** The peer closes Child SAs; the answer names the other half of each, unless ours was on its way already. */
export function answerDeleteChildren(ikeSa: IkeSa, request: readonly DeletePayload[], now: number): Payload[] {
  const answered: EspSpi[] = [];
  for (const { protocolId, spis } of request) {
    for (const octets of spis) {
      const spi = espSpiFromOctets(octets, protocolId);
      const child = spi === undefined ? undefined : ikeSa.childByOutboundSpi(spi);
      // §2.25.1: a Child SA that does not exist, or that we are closing ourselves, is left out of the answer.
      if (child === undefined) {
        if (spi !== undefined) noteEarlyDelete(ikeSa, spi);
        continue;
      }
      if (child.state.kind !== "DELETING") {
        answered.push(child.parameters.spiIn);
        // The peer deletes what it has replaced: so it has installed the replacement.
        if (child.successor !== undefined) ikeSa.confirm(child.successor, now);
        child.group.leave(child, "peer", now);
      }
      ikeSa.forget(child, child.state.kind === "REKEYED" ? "rekeyed" : "deleted by the peer", "peer", now);
    }
  }
  return answered.length === 0 ? [] : [deleteEsp(answered)];
}

function deleteEsp(spis: readonly EspSpi[]): DeletePayload {
  return { type: "DELETE", protocolId: ProtocolId.ESP, spiSize: 4, spis: spis.map(espSpiOctets) };
}
