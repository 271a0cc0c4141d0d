/** Bringing up an IKE SA as initiator: from a connection's wish to the end of IKE_AUTH (RFC 7296 §1.2). */
import { NO_IKE_SPI, type IkeSpi } from "../wire/ike-header.ts";
import type { DecodedMessage } from "../wire/message.ts";
import { familyOf, firstPlainAddress, matchesAddress } from "./addresses.ts";
import type { TransportAddresses } from "./child-sa.ts";
import { startsChildless } from "./childless.ts";
import type { AttemptFailure, ChildDemand, Connection } from "./connection.ts";
import { LocalMisconfiguration, NoAgreement } from "./errors.ts";
import { mustFloat } from "./esp-path.ts";
import { IkeAuthInitiator, RejectPeer, type IkeAuthOutcome } from "./exchanges/ike-auth-initiator.ts";
import { exchangeKeys } from "./exchanges/ike-intermediate-initiator.ts";
import { IkeSaInitInitiator, type InitFailure } from "./exchanges/ike-sa-init-initiator.ts";
import type { Handshake } from "./handshake.ts";
import { sameIdentity } from "./identity.ts";
import type { IkeSaOwner } from "./ike-sa-owner.ts";
import { IkeSa } from "./ike-sa.ts";
import { additionalKeyExchangesOf } from "./proposals.ts";
import type { Registry } from "./registry.ts";
import type { Services } from "./services.ts";

export interface InitiationPorts {
  readonly services: Services;
  readonly registry: Registry;
  readonly owner: IkeSaOwner<IkeSa>;
  readonly localAddresses: ReadonlySet<string>;
  readonly sourceFor: ((remote: string) => string | undefined) | undefined;
  readonly established: (ikeSa: IkeSa, connection: Connection, now: number) => void;
  /** Called once the IKE SA and what could become of its first Child SA are settled. */
  readonly settled: (ikeSa: IkeSa, connection: Connection, now: number) => void;
  readonly authenticationFailed: (ikeSa: IkeSa, text: string) => void;
}

export class Initiations {
  readonly #ports: InitiationPorts;
  /** Whose IKE_SA_INIT is not answered yet. */
  readonly #initiating = new Map<IkeSpi, IkeSaInitInitiator>();

  constructor(ports: InitiationPorts) {
    this.#ports = ports;
  }

  /** Throws LocalMisconfiguration, in a sentence, if there is no address to send from or to. */
  begin(connection: Connection, now: number): IkeSa {
    const { services, owner } = this.#ports;
    const addresses = this.#addressesFor(connection);
    const ikeSa = new IkeSa(
      {
        isOriginalInitiator: true,
        ownSpi: services.reserveIkeSpi(),
        peerSpi: NO_IKE_SPI,
        state: { kind: "INITIATING" },
        addresses,
        firstMessageId: 1,
        peersFirstMessageId: 0,
        createdAt: now,
      },
      services,
      owner,
    );
    ikeSa.config = connection.config;
    owner.ikeSaMade(ikeSa, now);
    const outcome = {
      completed: (handshake: Handshake, at: number) => this.#exchangeKeys(ikeSa, connection, handshake, at),
      failed: (why: string, kind: InitFailure, at: number) => this.#fail(ikeSa, connection, why, kind, at),
    };
    this.#initiating.set(ikeSa.ownSpi, new IkeSaInitInitiator(ikeSa, connection.config, outcome, now));
    return ikeSa;
  }

  /** A response of IKE_SA_INIT; says whether anybody waits for it. */
  handleResponse(message: DecodedMessage, octets: Uint8Array, now: number): boolean {
    const initiator = this.#initiating.get(message.header.initiatorSpi);
    initiator?.handleResponse(message, octets, now);
    return initiator !== undefined;
  }

  /** Nothing more is sent for an IKE SA that is given up. */
  stop(ikeSa: IkeSa): void {
    this.#initiating.get(ikeSa.ownSpi)?.stop();
    this.#initiating.delete(ikeSa.ownSpi);
  }

  #exchangeKeys(ikeSa: IkeSa, connection: Connection, handshake: Handshake, now: number): void {
    this.#initiating.delete(ikeSa.ownSpi);
    if (mustFloat(ikeSa.nat, connection.config)) ikeSa.addresses = this.#floated(ikeSa.addresses);
    ikeSa.transition({ kind: "AUTHENTICATING" }, "IKE_SA_INIT completed");
    const outcome = {
      completed: (at: number) => this.#authenticate(ikeSa, connection, handshake, at),
      failed: (text: string, at: number) => this.#fail(ikeSa, connection, text, "refused", at),
    };
    exchangeKeys(ikeSa, handshake, additionalKeyExchangesOf(ikeSa.keys), outcome, now);
  }

  /** What is wanted, and whom we know, is asked now: IKE_INTERMEDIATE may have taken its time. */
  #authenticate(ikeSa: IkeSa, connection: Connection, handshake: Handshake, now: number): void {
    const { config } = connection;
    if (!connection.isAskedFor) {
      this.#fail(ikeSa, connection, "The peer's own IKE SA serves what was asked for.", "refused", now);
      return;
    }
    let demand: ChildDemand | undefined;
    try {
      demand = startsChildless(config, handshake.peerAbilities) ? undefined : connection.takeDemand();
    } catch (error) {
      if (!(error instanceof NoAgreement)) throw error;
      this.#fail(ikeSa, connection, error.message, "refused", now);
      return;
    }
    const child = demand === undefined ? undefined : connection.planFor(ikeSa, demand);
    const plan = { config, handshake, child, initialContact: config.local.auth !== "null" && !this.#knowsPeerOf(connection) };
    const outcome: IkeAuthOutcome = {
      established: (at) => this.#ports.established(ikeSa, connection, at),
      childless: (at) => this.#ports.settled(ikeSa, connection, at),
      childCreated: (at) => {
        if (demand !== undefined) connection.childUp(demand.child.name);
        this.#ports.settled(ikeSa, connection, at);
      },
      childRefused: (notifyType, text, at) => {
        if (demand !== undefined) connection.childRefused(demand.child, notifyType, text, at);
        this.#ports.settled(ikeSa, connection, at);
      },
      failed: (text, tellPeer, at) => this.#authenticationFailed(ikeSa, connection, text, tellPeer, at),
      abandoned: () => undefined,
    };
    ikeSa.exchanger.enqueue(new IkeAuthInitiator(plan, outcome), now);
  }

  #authenticationFailed(ikeSa: IkeSa, connection: Connection, text: string, tellPeer: boolean, now: number): void {
    this.#ports.authenticationFailed(ikeSa, text);
    if (!tellPeer) {
      this.#fail(ikeSa, connection, text, "refused", now);
      return;
    }
    connection.attemptFailed(text, "refused", now);
    ikeSa.transition({ kind: "DELETING" }, text);
    ikeSa.exchanger.enqueue(new RejectPeer(text), now);
  }

  #fail(ikeSa: IkeSa, connection: Connection, text: string, kind: AttemptFailure, now: number): void {
    // Told first, so that the death of the IKE SA finds no attempt to end.
    connection.attemptFailed(text, kind, now);
    ikeSa.destroy(text, "local", now);
  }

  /** §2.23: both ends move to the port of NAT traversal, where ESP in UDP goes, unless they began there. */
  #floated({ local, remote }: TransportAddresses): TransportAddresses {
    const { ikePort, natPort } = this.#ports.services.config;
    const float = (port: number): number => (port === ikePort ? natPort : port);
    return { local: { ...local, port: float(local.port) }, remote: { ...remote, port: float(remote.port) } };
  }

  #addressesFor({ config }: Connection): TransportAddresses {
    const remote = firstPlainAddress(config.remoteAddrs);
    if (remote === undefined) throw new LocalMisconfiguration(`Connection ${config.name} has no address in remote_addrs to initiate to.`);
    const family = familyOf(remote);
    const usable = [...this.#ports.localAddresses].filter(
      (address) => familyOf(address) === family && matchesAddress(config.localAddrs, address),
    );
    const preferred = this.#ports.sourceFor?.(remote);
    const ordered = config.localAddrs.filter((address) => usable.includes(address));
    const local = ordered[0] ?? (preferred !== undefined && usable.includes(preferred) ? preferred : usable[0]);
    if (local === undefined)
      throw new LocalMisconfiguration(`Connection ${config.name}: this host has no address of local_addrs to reach ${remote} from.`);
    return { local: { address: local, port: config.localPort }, remote: { address: remote, port: config.remotePort } };
  }

  /** Whether INITIAL_CONTACT would be a lie. */
  #knowsPeerOf({ config }: Connection): boolean {
    const { local, remote } = config;
    return this.#ports.registry.ikeSas.some(({ isInUse, peers }) => {
      if (!isInUse || peers === undefined || !sameIdentity(peers.localId, local.id)) return false;
      return remote.id === "%any" || sameIdentity(peers.remoteId, remote.id);
    });
  }
}
