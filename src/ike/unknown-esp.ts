/** ESP on an SPI that we do not have (RFC 7296 §1.5, §2.21.4): its sender is told, under protection if we have an IKE SA with it. */
import type { SadbEvent, SocketAddress } from "../ipsec/sadb.ts";
import { formatEspSpi } from "../ipsec/names.ts";
import { sameSocketAddress, matchesAddress, firstPlainAddress, type TransportAddresses } from "./addresses.ts";
import type { ConnectionConfig } from "./config.ts";
import { TellInvalidSpi } from "./exchanges/invalid-spi.ts";
import type { IkeSa } from "./ike-sa.ts";
import type { Registry } from "./registry.ts";
import type { Services } from "./services.ts";
import type { UnprovenAnswers } from "./unproven.ts";

/** Milliseconds between two such notifies on one IKE SA. */
const INTERVAL = 10_000;

export class UnknownEsp {
  readonly #services: Services;
  readonly #registry: Registry;
  readonly #unproven: UnprovenAnswers;

  constructor(services: Services, registry: Registry, unproven: UnprovenAnswers) {
    this.#services = services;
    this.#registry = registry;
    this.#unproven = unproven;
  }

  received({ spi, local, remote }: Extract<SadbEvent, { verb: "unknownSpi" }>, now: number): void {
    // Ours, but not installed yet, or not any more.
    if (this.#services.isEspSpiTaken(spi)) return;
    const ikeSa = this.#registry.ikeSas.findLast((each) => each.isEstablished && isFrom(each, remote));
    if (ikeSa === undefined) {
      const connection = this.#connectionTo(local.address, remote.address);
      if (connection !== undefined) this.#unproven.invalidSpi(spi, this.#wayTo(connection, local, remote), now);
      return;
    }
    if (now < ikeSa.suspicions.toldAt + INTERVAL) return;
    ikeSa.suspicions.toldAt = now;
    const text = `ESP comes with the SPI ${formatEspSpi(spi)}, which is unknown here; the peer is told (INVALID_SPI)`;
    this.#services.outputs.event({ kind: "hint", connection: ikeSa.connectionName, remote, text });
    ikeSa.exchanger.enqueue(new TellInvalidSpi(spi), now);
  }

  /** A hint is of use to a peer that a connection names by its address, and tells everybody else more than it should. */
  #connectionTo(local: string, remote: string): ConnectionConfig | undefined {
    return this.#services.config.connections.find(
      ({ localAddrs, remoteAddrs }) =>
        firstPlainAddress(remoteAddrs) !== undefined && matchesAddress(localAddrs, local) && matchesAddress(remoteAddrs, remote),
    );
  }

  /** ESP without UDP has no port to answer to: the peer's IKE has. */
  #wayTo({ remotePort }: ConnectionConfig, local: SocketAddress, remote: SocketAddress): TransportAddresses {
    if (remote.port !== 0) return { local, remote };
    const { ikePort, natPort } = this.#services.config;
    // The port of NAT traversal takes IKE with its marker alone, which our own port of the kind puts before it.
    return { local: { ...local, port: remotePort === natPort ? natPort : ikePort }, remote: { ...remote, port: remotePort } };
  }
}

function isFrom({ addresses }: IkeSa, remote: SocketAddress): boolean {
  return remote.port === 0 ? addresses.remote.address === remote.address : sameSocketAddress(addresses.remote, remote);
}
