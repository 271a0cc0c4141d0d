/**
 * The IKEv2 endpoint (RFC 7296), sans-IO: call a `handle*`, then drain {@link IkeEndpoint.pollOutput} to its end, then come back at its timeout.
 *
 * This file is the way in: it finds out whose business an input is. What the parts tell one another is in endpoint-core.ts.
 */
import type { SadbEvent, SaUsage, SocketAddress } from "../ipsec/sadb.ts";
import { ExchangeType, NotifyType } from "../wire/iana/index.ts";
import { decodeIkeHeader, NO_IKE_SPI, type IkeHeader } from "../wire/ike-header.ts";
import { decodeMessage, type DecodedMessage } from "../wire/message.ts";
import { invalidMajorVersion, notify } from "../wire/notify.ts";
import { matchesAddress } from "./addresses.ts";
import type { TransportAddresses } from "./child-sa.ts";
import type { Command, CommandResult } from "./command.ts";
import { tokenForUnknown } from "./crash-tokens.ts";
import { carryOut } from "./command-execution.ts";
import type { EndpointConfig } from "./config.ts";
import type { EndpointDependencies } from "./dependencies.ts";
import { EndpointCore } from "./endpoint-core.ts";
import { MalformedMessage } from "./errors.ts";
import type { Output } from "./events.ts";
import { answerIkeSaInit } from "./exchanges/ike-sa-init-responder.ts";
import type { EndpointStatus } from "./status.ts";
import { reportStatus } from "./status-report.ts";

export interface Datagram {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** An IKE message, without the non-ESP marker; `local.port` tells which of the two ports it came in by. */
  readonly octets: Uint8Array;
}

export type { EndpointDependencies } from "./dependencies.ts";

export class IkeEndpoint {
  readonly #core: EndpointCore;

  /** Nothing is sent yet: `start` actions are due at `deps.now`, so add local addresses, then call `handleTimeout`. */
  constructor(config: EndpointConfig, deps: EndpointDependencies) {
    this.#core = new EndpointCore(config, deps);
  }

  /** Before anything is begun. */
  addLocalAddress(address: string): void {
    this.#core.services.localAddresses.add(address);
  }

  /** The addresses of this host have changed: the complete list. IKE SAs with MOBIKE leave those that are gone (RFC 4555). */
  handleLocalAddresses(addresses: readonly string[], now: number): void {
    const { localAddresses } = this.#core.services;
    localAddresses.clear();
    for (const address of addresses) localAddresses.add(address);
    this.#guard(() => this.#core.mobility.localAddressesChanged(now));
  }

  /** Whatever the network brings: a counted drop or an answer, never an exception. */
  handleDatagram({ local, remote, octets }: Datagram, now: number): void {
    const { counters } = this.#core.services;
    counters.messagesIn++;
    this.#guard(() => this.#receive(octets, { local, remote }, now));
  }

  handleSadbEvent(event: SadbEvent, now: number): void {
    this.#guard(() => this.#core.handleSadbEvent(event, now));
  }

  /** Readings of the data plane's counters, about once a second. */
  handleUsage(usage: readonly SaUsage[], now: number): void {
    this.#guard(() => this.#core.handleUsage(usage, now));
  }

  handleCommand(command: Command, now: number): CommandResult {
    let result: CommandResult = { ok: false, reason: "The command could not be carried out; please report the fault in the log." };
    this.#guard(() => {
      result = carryOut(this.#core, command, now);
    });
    return result;
  }

  handleTimeout(now: number): void {
    this.#guard(() => this.#core.services.timers.fire(now));
  }

  pollOutput(): Output | undefined {
    return this.#core.services.outputs.poll();
  }

  status(now: number): EndpointStatus {
    return reportStatus(this.#core, now);
  }

  /** The last line: a mistake of ours must not take the other IKE SAs with it. It is reported, with all that is needed to find it. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#core.services.counters.drop("internal");
      const [text, stack] = error instanceof Error ? [`${error.name}: ${error.message}`, error.stack ?? ""] : [String(error), ""];
      this.#core.services.outputs.event({ kind: "fault", text, stack });
    }
  }

  #receive(octets: Uint8Array, path: TransportAddresses, now: number): void {
    const { counters } = this.#core.services;
    let message: DecodedMessage;
    try {
      const header = decodeIkeHeader(octets);
      if (header.majorVersion !== 2) {
        this.#refuseVersion(header, path, now);
        return;
      }
      message = decodeMessage(octets);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      counters.drop("malformed");
      return;
    }
    if (message.header.exchangeType === ExchangeType.IKE_SA_INIT) this.#receiveInit(message, octets, path, now);
    else this.#receiveProtected(message, octets, path, now);
  }

  #receiveInit(message: DecodedMessage, octets: Uint8Array, path: TransportAddresses, now: number): void {
    const core = this.#core;
    const { counters } = core.services;
    const { header } = message;
    if (header.isResponse) {
      if (!core.initiations.handleResponse(message, octets, now)) counters.drop("unknownResponse");
      return;
    }
    const isFirst =
      header.isInitiator && header.messageId === 0 && header.responderSpi === NO_IKE_SPI && header.initiatorSpi !== NO_IKE_SPI;
    if (!isFirst) {
      counters.drop("wrongExchange");
      return;
    }
    const known = core.halfOpen.responseTo(header.initiatorSpi, path.remote, octets);
    if (known !== undefined) {
      counters.retransmitsIn++;
      core.send(known, path);
      return;
    }
    this.#answerInit(message, octets, path, now);
  }

  #answerInit(message: DecodedMessage, octets: Uint8Array, path: TransportAddresses, now: number): void {
    const core = this.#core;
    const { counters } = core.services;
    const candidates = core.config.connections.filter(
      ({ localAddrs, remoteAddrs }) => matchesAddress(localAddrs, path.local.address) && matchesAddress(remoteAddrs, path.remote.address),
    );
    if (candidates.length === 0) {
      counters.drop("noConnection");
      return;
    }
    const result = answerIkeSaInit({ message, octets, path, candidates }, core.guard, core.services, core, now);
    switch (result.kind) {
      case "drop":
        counters.drop(result.reason);
        return;
      case "half-open":
        core.opened({ ...result, candidates, source: path.remote }, now);
        core.send(result.handshake.response, path);
        return;
      case "stateless":
        if (result.notifyType === NotifyType.COOKIE) counters.cookiesSent++;
        else if (core.unproven.allowsRefusal(now)) core.reportRefusal(undefined, path.remote, result.notifyType, result.text);
        else return;
        core.send(result.response, path);
    }
  }

  #receiveProtected(message: DecodedMessage, octets: Uint8Array, path: TransportAddresses, now: number): void {
    const core = this.#core;
    const { header } = message;
    const [ownSpi, peerSpi] = header.isInitiator ? [header.responderSpi, header.initiatorSpi] : [header.initiatorSpi, header.responderSpi];
    const known = core.registry.bySpi(ownSpi);
    const ikeSa = known?.peerSpi === peerSpi ? known : undefined;
    if (message.aad === undefined) {
      core.hints.receive(message, ikeSa, path, now);
      return;
    }
    if (ikeSa !== undefined) {
      ikeSa.handleMessage(message, octets, path, now);
      return;
    }
    const last = header.isResponse ? undefined : core.tombstones.answerTo(ownSpi, octets, now);
    if (last !== undefined) {
      core.services.counters.retransmitsIn++;
      for (const datagram of last) core.send(datagram, path);
      return;
    }
    core.services.counters.drop("unknownSpi");
    // §2.21.4: a hint that proves nothing, for a peer that may have missed our restart.
    if (!header.isResponse && known === undefined && !core.tombstones.has(ownSpi, now)) {
      // RFC 6290 §9.2: never the token of an IKE SA that lives, whichever way round its SPIs stand.
      const isAlive = core.registry.bySpi(peerSpi) !== undefined;
      const tokens = isAlive ? [] : tokenForUnknown(core.services.qcdSecret, header);
      core.unproven.answer(header, [notify(NotifyType.INVALID_IKE_SPI), ...tokens], path, now);
    }
  }

  /** §2.5: a higher version is told ours; a lower one, or an answer, is not talked to. */
  #refuseVersion(header: IkeHeader, path: TransportAddresses, now: number): void {
    this.#core.services.counters.drop("version");
    if (header.majorVersion > 2 && !header.isResponse) this.#core.unproven.answer(header, [invalidMajorVersion(2)], path, now);
  }
}
