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
}

export class HalfOpenTable {
  readonly #byRequest = new Map<string, HalfOpen>();
  readonly #byIkeSa = new Map<IkeSa, HalfOpen>();

  add(entry: HalfOpen): void {
    this.#byRequest.set(keyOf(entry.ikeSa.peerSpi, entry.source), entry);
    this.#byIkeSa.set(entry.ikeSa, entry);
  }

  of(ikeSa: IkeSa): HalfOpen | undefined {
    return this.#byIkeSa.get(ikeSa);
  }

  /** "other": the same initiator asks for something else than it was answered. */
  responseTo(spiI: IkeSpi, source: SocketAddress, request: Uint8Array): Uint8Array | "other" | undefined {
    const entry = this.#byRequest.get(keyOf(spiI, source));
    if (entry === undefined) return undefined;
    return equalOctets(entry.handshake.request, request) ? entry.handshake.response : "other";
  }

  remove(entry: HalfOpen): void {
    this.#byRequest.delete(keyOf(entry.ikeSa.peerSpi, entry.source));
    this.#byIkeSa.delete(entry.ikeSa);
  }
}

const keyOf = (spiI: IkeSpi, source: SocketAddress): string => `${formatIkeSpi(spiI)} ${formatSocketAddress(source)}`;
