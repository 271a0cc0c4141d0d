/** Half-open IKE SAs by the request that made them, so that a repetition gets the same answer (RFC 7296 §2.1) and makes nothing new. */
import type { SocketAddress } from "../ipsec/sadb.ts";
import { formatIkeSpi, type IkeSpi } from "../wire/ike-header.ts";
import { equalOctets } from "../wire/octets.ts";
import { formatSocketAddress } from "./addresses.ts";
import type { ConnectionConfig } from "./config.ts";
import type { Handshake } from "./handshake.ts";
import type { IkeSa } from "./ike-sa.ts";

export interface HalfOpen {
  readonly ikeSa: IkeSa;
  readonly handshake: Handshake;
  readonly candidates: readonly ConnectionConfig[];
  readonly source: SocketAddress;
  /** A cookie came back from there. */
  readonly isProven: boolean;
}

export class HalfOpenTable {
  /** By SPI and source. More than one where somebody else has seen the SPI, and asks with it before its owner does. */
  readonly #byInitiator = new Map<string, readonly HalfOpen[]>();
  readonly #byIkeSa = new Map<IkeSa, HalfOpen>();

  add(entry: HalfOpen): void {
    const key = keyOf(entry.ikeSa.peerSpi, entry.source);
    this.#byInitiator.set(key, [...(this.#byInitiator.get(key) ?? []), entry]);
    this.#byIkeSa.set(entry.ikeSa, entry);
  }

  of(ikeSa: IkeSa): HalfOpen | undefined {
    return this.#byIkeSa.get(ikeSa);
  }

  /** Undefined for a request that is not a repetition. */
  responseTo(spiI: IkeSpi, source: SocketAddress, request: Uint8Array): Uint8Array | undefined {
    const entries = this.#byInitiator.get(keyOf(spiI, source)) ?? [];
    return entries.find(({ handshake }) => equalOctets(handshake.request, request))?.handshake.response;
  }

  remove(entry: HalfOpen): void {
    const key = keyOf(entry.ikeSa.peerSpi, entry.source);
    const others = (this.#byInitiator.get(key) ?? []).filter((other) => other !== entry);
    if (others.length > 0) this.#byInitiator.set(key, others);
    else this.#byInitiator.delete(key);
    this.#byIkeSa.delete(entry.ikeSa);
  }
}

const keyOf = (spiI: IkeSpi, source: SocketAddress): string => `${formatIkeSpi(spiI)} ${formatSocketAddress(source)}`;
