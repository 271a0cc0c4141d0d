/** The endpoint's parts put together, and what they tell one another: the owner of all IKE SAs and connections. */
import type { CpuIndex, PolicyId } from "../ipsec/names.ts";
import type { FlowKey, SadbEvent, SaUsage, SocketAddress } from "../ipsec/sadb.ts";
import { NotifyType } from "../wire/iana/index.ts";
import { ChildLifecycle } from "./child-lifecycle.ts";
import type { ChildSa, TransportAddresses } from "./child-sa.ts";
import type { EndpointConfig } from "./config.ts";
import { Connection } from "./connection.ts";
import type { EndpointDependencies } from "./dependencies.ts";
import { AuthenticationFailed } from "./errors.ts";
import { espPathOf } from "./esp-path.ts";
import type { Exchange } from "./exchanger.ts";
import { planForGroup } from "./child-offer.ts";
import { CreateChild } from "./exchanges/create-child.ts";
import { closeChild } from "./exchanges/delete-child.ts";
import { closeIkeSa } from "./exchanges/delete-ike.ts";
import type { IkeAuthContext } from "./exchanges/ike-auth-responder.ts";
import { supportsChoice } from "./exchanges/ike-sa-init-responder.ts";
import type { GroupBinding } from "./group-binding.ts";
import { HalfOpenGuard } from "./half-open.ts";
import { HalfOpenTable, type HalfOpen } from "./half-open-table.ts";
import { Hints } from "./hints.ts";
import { formatIdentity } from "./identity.ts";
import { IkeLifecycle } from "./ike-lifecycle.ts";
import type { Answer, Request } from "./answer.ts";
import type { Death, IkeSaOwner } from "./ike-sa-owner.ts";
import type { IkeSa } from "./ike-sa.ts";
import { moveTo } from "./ike-sa-path.ts";
import { Initiations } from "./initiation.ts";
import { Mobility } from "./mobility.ts";
import { Registry } from "./registry.ts";
import { answerRequest } from "./request-dispatch.ts";
import { Services } from "./services.ts";
import { Tombstones } from "./tombstones.ts";
import { UnknownEsp } from "./unknown-esp.ts";
import { UnprovenAnswers } from "./unproven.ts";

export class EndpointCore implements IkeSaOwner<IkeSa> {
  readonly config: EndpointConfig;
  readonly services: Services;
  readonly registry = new Registry();
  readonly guard: HalfOpenGuard;
  readonly halfOpen = new HalfOpenTable();
  readonly tombstones = new Tombstones();
  readonly initiations: Initiations;
  readonly childLifecycle: ChildLifecycle;
  readonly ikeLifecycle: IkeLifecycle;
  readonly mobility: Mobility;
  readonly unproven: UnprovenAnswers;
  readonly hints: Hints;
  readonly #unknownEsp: UnknownEsp;
  /** Set by the shutdown command: nothing new is begun, and when the last IKE SA is gone, that is said. */
  isShuttingDown = false;

  constructor(config: EndpointConfig, deps: EndpointDependencies) {
    this.config = config;
    this.services = new Services(config, deps);
    this.guard = new HalfOpenGuard(config, deps.entropy, deps.now);
    this.ikeLifecycle = new IkeLifecycle(this.services, this.registry);
    this.childLifecycle = new ChildLifecycle({
      services: this.services,
      ikeSaOf: (child) => this.registry.child(child.id)?.ikeSa,
      lost: (ikeSa, child, now) => this.#bringBack(ikeSa, child, now),
    });
    this.initiations = new Initiations({
      services: this.services,
      registry: this.registry,
      owner: this,
      localAddresses: this.services.localAddresses,
      sourceFor: deps.sourceFor,
      established: (ikeSa, connection, now) => this.#established(ikeSa, connection, now),
      settled: (ikeSa, connection, now) => this.#settled(ikeSa, connection, now),
      authenticationFailed: (ikeSa, text) => this.#reportAuthenticationFailure(ikeSa, text),
    });
    this.unproven = new UnprovenAnswers(this.services.counters, (octets, path) => this.send(octets, path), deps.now);
    this.hints = new Hints(this.services, this.registry, deps.now);
    this.#unknownEsp = new UnknownEsp(this.services, this.registry, this.unproven);
    this.mobility = new Mobility({ services: this.services, registry: this.registry, sourceFor: deps.sourceFor });
    const ports = {
      services: this.services,
      established: ({ config: { name } }: Connection) => this.registry.establishedOf(name),
      begin: (connection: Connection, now: number) => this.initiations.begin(connection, now),
    };
    for (const connection of config.connections) this.registry.connections.set(connection.name, new Connection(connection, ports));
    this.services.timers.schedule(deps.now, "start", (now) => {
      for (const connection of this.registry.connections.values()) connection.start(now);
    });
  }

  /** Outside of any IKE SA's own path: IKE_SA_INIT, unproven answers, tombstones. */
  send(octets: Uint8Array, { local, remote }: TransportAddresses): void {
    this.services.counters.messagesOut++;
    this.services.outputs.transmit(local, remote, octets, local.port !== this.config.ikePort);
  }

  /** A half-open IKE SA has been made. Its record outlives its authentication by a little, for repetitions of IKE_SA_INIT. */
  opened(entry: HalfOpen, now: number): void {
    this.halfOpen.add(entry);
    this.guard.opened(entry.source.address, entry.isProven);
    this.ikeSaMade(entry.ikeSa, now);
    this.services.timers.schedule(now + this.config.halfOpenTimeout, "half-open", (at) => {
      if (entry.ikeSa.state.kind === "HALF_OPEN") entry.ikeSa.destroy("no IKE_AUTH came", "local", at);
      this.halfOpen.remove(entry);
    });
  }

  handleSadbEvent(event: SadbEvent, now: number): void {
    switch (event.verb) {
      case "acquire": {
        this.#acquire(event.policyId, event.cpu, event.flow, now);
        return;
      }
      case "expire": {
        const child = this.registry.child(event.id)?.child;
        if (child === undefined) return;
        const why = `its limit of ${event.why} is reached`;
        if (event.hard) this.childLifecycle.expire(child, why, now);
        else this.childLifecycle.rekey(child, now);
        return;
      }
      case "saRefused": {
        this.#saRefused(event, now);
        return;
      }
      case "policyRefused": {
        this.#policyRefused(event, now);
        return;
      }
      case "unknownSpi": {
        if (!this.isShuttingDown) this.#unknownEsp.received(event, now);
        return;
      }
      case "addressChanged": {
        const ikeSa = this.registry.child(event.id)?.ikeSa;
        // §2.23: as for IKE messages, only when the peer is behind a NAT and we are not.
        if (ikeSa?.nat.there === true && !ikeSa.nat.here) moveTo(ikeSa, { local: ikeSa.addresses.local, remote: event.remote }, now);
        return;
      }
    }
  }

  handleUsage(usage: readonly SaUsage[], now: number): void {
    for (const reading of usage) {
      const known = this.registry.child(reading.id);
      if (known === undefined) continue;
      const { child, ikeSa } = known;
      if (child.recordUsage(reading, now).received) {
        // §2.4: protected ESP proves life as well as IKE does, and that the peer has the SA.
        ikeSa.lastHeardAt = now;
        ikeSa.confirm(child, now);
      }
      const { idleTimeout } = child.parameters.config;
      if (idleTimeout > 0 && child.isAlive && now - child.lastPacketAt >= idleTimeout) child.group.idle(child, now);
    }
  }

  /** IkeSaOwner */
  answer(ikeSa: IkeSa, request: Request, now: number): Answer {
    const ports = {
      authContext: () => this.#authContext(ikeSa),
      refused: (_ikeSa: IkeSa, notifyType: number, text: string, error: unknown) => {
        if (error instanceof AuthenticationFailed) this.#reportAuthenticationFailure(ikeSa, text);
        else this.reportRefusal(ikeSa, ikeSa.addresses.remote, notifyType, text);
      },
    };
    return answerRequest(ikeSa, request, ports, now);
  }

  /** IkeSaOwner. §2.21.3: a response cannot be answered; the IKE SA is closed instead. */
  responseRefused(ikeSa: IkeSa, exchange: string, error: Error, now: number): void {
    const text = `The peer's answer to ${exchange} cannot be used: ${error.message}.`;
    this.reportRefusal(ikeSa, ikeSa.addresses.remote, NotifyType.INVALID_SYNTAX, text);
    const connection = this.#connectionOf(ikeSa);
    if (connection?.isAttempt(ikeSa) === true) connection.attemptFailed(text, "refused", now);
    if (ikeSa.isEstablished) closeIkeSa(ikeSa, text, now);
    else ikeSa.destroy(text, "local", now);
  }

  /** IkeSaOwner */
  peerUnreachable(ikeSa: IkeSa, exchange: Exchange<IkeSa>, now: number): void {
    const { remote } = ikeSa.addresses;
    if (this.mobility.tryAnotherPath(ikeSa, now)) return;
    this.services.outputs.event({ kind: "peerUnreachable", connection: ikeSa.connectionName, remote, exchange: exchange.name });
    const connection = this.#connectionOf(ikeSa);
    if (connection?.isAttempt(ikeSa) === true) connection.attemptFailed(`The peer does not answer ${exchange.name}.`, "unreachable", now);
    ikeSa.destroy("the peer does not answer", "local", now, "peer unreachable");
  }

  /** IkeSaOwner. RFC 4555 §3.5: other addresses are tried; without any, the peer goes on with the old ones. */
  addressesRefused(ikeSa: IkeSa, notifyType: number, now: number): void {
    const notifyName = NotifyType.nameOf(notifyType);
    const text = "The peer does not take our new addresses.";
    this.services.outputs.event({ kind: "peerRefused", connection: ikeSa.connectionName, child: undefined, notify: notifyName, text });
    this.mobility.tryAnotherPath(ikeSa, now);
  }

  /** IkeSaOwner */
  messageIdsRunOut(ikeSa: IkeSa, due: "rekey" | "close", now: number): void {
    if (due === "rekey") this.ikeLifecycle.rekey(ikeSa, now);
    else closeIkeSa(ikeSa, "its message IDs are used up", now);
  }

  /** IkeSaOwner */
  ikeSaMade(ikeSa: IkeSa, now: number): void {
    this.registry.add(ikeSa);
    if (ikeSa.state.kind !== "PENDING") return;
    // The redundant one of two: its maker owes it a Delete, but may have died.
    this.services.timers.schedule(now + this.config.halfOpenTimeout, "half-open", (at) => {
      if (ikeSa.state.kind === "PENDING") ikeSa.destroy("redundant after a simultaneous rekey", "local", at);
    });
  }

  /** IkeSaOwner */
  ikeSaReplaced(old: IkeSa, successor: IkeSa, now: number): void {
    this.registry.moveChildren(successor);
    this.ikeLifecycle.replaced(old, successor, now);
  }

  /** IkeSaOwner */
  ikeSaGone(ikeSa: IkeSa, { from, why, by, isPeerDead, lastAnswer }: Death, now: number): void {
    this.registry.remove(ikeSa);
    this.initiations.stop(ikeSa);
    for (const lease of ikeSa.configuration.leases) this.services.leases.giveBack(lease);
    if (lastAnswer !== undefined) this.tombstones.add(ikeSa.ownSpi, lastAnswer, now);
    const entry = this.halfOpen.of(ikeSa);
    if (entry !== undefined) {
      this.halfOpen.remove(entry);
      if (from === "HALF_OPEN") this.guard.closed(entry.source.address, entry.isProven);
    }
    if (ikeSa.isInUse) {
      this.services.outputs.event({ kind: "ikeDown", sa: ikeSa.ref, why, by });
      this.#connectionOf(ikeSa)?.ikeSaGone(why, by, (isPeerDead || ikeSa.isToBeReauthenticated) && !this.isShuttingDown, now);
    }
    if (this.isShuttingDown && this.registry.isEmpty) this.services.outputs.event({ kind: "done" });
  }

  /** IkeSaOwner */
  childSaUp(ikeSa: IkeSa, child: ChildSa): void {
    this.registry.addChild(ikeSa, child);
    this.childLifecycle.childUp(child);
    this.#connectionOf(ikeSa)?.childUp(child.parameters.config.name);
  }

  /** IkeSaOwner */
  childSaDown(ikeSa: IkeSa, child: ChildSa, why: string, by: "local" | "peer"): void {
    this.registry.removeChild(child.id);
    this.services.outputs.event({ kind: "childDown", sa: ikeSa.childRef(child), why, by });
    this.#connectionOf(ikeSa)?.childGone(child.parameters.config.name);
  }

  /** IkeSaOwner */
  createChildSa(ikeSa: IkeSa, group: GroupBinding, cpu: CpuIndex, now: number): void {
    if (!ikeSa.isEstablished || this.isShuttingDown) {
      group.refused(cpu, "abandoned", now);
      return;
    }
    ikeSa.exchanger.enqueue(
      new CreateChild(planForGroup(group, cpu), {
        created: () => undefined,
        refused: (notifyType, text, at) => {
          this.services.outputs.event({
            kind: "peerRefused",
            connection: ikeSa.connectionName,
            child: group.config.name,
            notify: NotifyType.nameOf(notifyType),
            text,
          });
          group.refused(cpu, notifyType, at);
          if (notifyType !== NotifyType.NO_ADDITIONAL_SAS) return;
          for (const other of ikeSa.groups.values()) if (other !== group) other.noAdditionalSas(at);
        },
        abandoned: (_why, at) => group.refused(cpu, "abandoned", at),
      }),
      now,
    );
  }

  /** IkeSaOwner */
  rekeyChildSa(_ikeSa: IkeSa, child: ChildSa, now: number): void {
    this.childLifecycle.rekey(child, now);
  }

  /** IkeSaOwner */
  deleteChildSa(ikeSa: IkeSa, child: ChildSa, why: string, now: number): void {
    if (ikeSa.state.kind !== "DELETING") closeChild(ikeSa, child, why, now);
  }

  reportRefusal(ikeSa: IkeSa | undefined, remote: SocketAddress, notifyType: number, text: string): void {
    const connection = ikeSa?.config?.name;
    this.services.outputs.event({ kind: "refusedPeer", connection, remote, notify: NotifyType.nameOf(notifyType), text });
  }

  #authContext(ikeSa: IkeSa): IkeAuthContext | undefined {
    const entry = this.halfOpen.of(ikeSa);
    if (entry === undefined) return undefined;
    return {
      handshake: entry.handshake,
      candidates: entry.candidates.filter((config) => supportsChoice(config, ikeSa.keys)),
      admit: () => this.ikeLifecycle.requireUnique(ikeSa),
      established: (_ikeSa, initialContact, now) => {
        this.guard.closed(entry.source.address, entry.isProven);
        if (initialContact) this.ikeLifecycle.initialContact(ikeSa, now);
        const connection = this.#connectionOf(ikeSa);
        if (connection !== undefined) this.#established(ikeSa, connection, now);
      },
      settled: (_ikeSa, now) => {
        const connection = this.#connectionOf(ikeSa);
        if (connection !== undefined) this.#settled(ikeSa, connection, now);
      },
      childRefused: (_ikeSa, notifyType, text) => this.reportRefusal(ikeSa, ikeSa.addresses.remote, notifyType, text),
    };
  }

  #established(ikeSa: IkeSa, connection: Connection, now: number): void {
    const { peers, keys, nat } = ikeSa;
    const path = espPathOf(ikeSa);
    ikeSa.establishedAt = now;
    ikeSa.encapsulation = path.encapsulation;
    this.services.outputs.event({
      kind: "ikeUp",
      sa: ikeSa.ref,
      localId: peers === undefined ? "" : formatIdentity(peers.localId),
      remoteId: peers === undefined ? "" : formatIdentity(peers.remoteId),
      localAuth: peers?.localAuth ?? "",
      remoteAuth: peers?.remoteAuth ?? "",
      ...path,
      algorithms: keys.algorithms,
      natHere: nat.here,
      natThere: nat.there,
    });
    this.ikeLifecycle.established(ikeSa, now);
    connection.ikeSaUp(ikeSa);
  }

  #settled(ikeSa: IkeSa, connection: Connection, now: number): void {
    this.ikeLifecycle.replaceOlder(ikeSa, now);
    this.ikeLifecycle.boundPerPeer(ikeSa, now);
    connection.pursue(now);
  }

  #acquire(id: PolicyId, cpu: CpuIndex, flow: FlowKey, now: number): void {
    if (this.isShuttingDown) return;
    const group = this.registry.groupByPolicy(id);
    if (group !== undefined) {
      group.acquire(cpu, now);
      return;
    }
    for (const connection of this.registry.connections.values()) {
      const trap = connection.trapOf(id);
      if (trap !== undefined) {
        connection.acquire(trap, cpu, flow, now);
        return;
      }
    }
  }

  /** One CPU's no is enough: packets would find the SA on some CPUs only, or it would send to where the peer is not any more. */
  #saRefused({ id, cpu, why }: Extract<SadbEvent, { verb: "saRefused" }>, now: number): void {
    const known = this.registry.child(id);
    if (known === undefined || known.child.state.kind === "DELETING" || known.ikeSa.state.kind === "DELETING") return;
    const { child, ikeSa } = known;
    const { config } = child.parameters;
    this.services.outputs.event({
      kind: "dataPlaneRefused",
      connection: ikeSa.connectionName,
      child: config.name,
      what: "Child SA",
      cpu,
      why,
    });
    this.#connectionOf(ikeSa)?.childHasNoRoom(config, now);
    closeChild(ikeSa, child, refusalOf(cpu, why), now);
    // The others carry on; packets of its CPU ask for another one, but not at once.
    const group = this.registry.groupByPolicy(child.parameters.policyId);
    if (group?.isEmpty === false) group.refused(child.parameters.cpu, "abandoned", now);
  }

  /** As for an SA; but a trap stays for the CPUs that have it: without it no packet would ask anywhere. */
  #policyRefused({ policyId, cpu, why }: Extract<SadbEvent, { verb: "policyRefused" }>, now: number): void {
    const group = this.registry.groupByPolicy(policyId);
    if (group !== undefined) {
      if (!group.hasPolicy) return;
      const { connectionName: connection, config } = group;
      this.services.outputs.event({ kind: "dataPlaneRefused", connection, child: config.name, what: "policy", cpu, why });
      this.registry.connections.get(connection)?.childHasNoRoom(config, now);
      group.policyRefused(refusalOf(cpu, why), now);
      return;
    }
    for (const connection of this.registry.connections.values()) {
      const child = connection.trapOf(policyId)?.child.name;
      if (child === undefined) continue;
      this.services.outputs.event({ kind: "dataPlaneRefused", connection: connection.config.name, child, what: "trap", cpu, why });
    }
  }

  #bringBack(ikeSa: IkeSa, child: ChildSa, now: number): void {
    const { config } = child.parameters;
    const isServed = [...ikeSa.groups.values()].some((group) => group.config.name === config.name && !group.isEmpty);
    if (!isServed) this.#connectionOf(ikeSa)?.initiate([config], now);
  }

  #reportAuthenticationFailure(ikeSa: IkeSa, text: string): void {
    this.services.outputs.event({ kind: "authFailed", connection: ikeSa.config?.name, remote: ikeSa.addresses.remote, text });
  }

  #connectionOf(ikeSa: IkeSa): Connection | undefined {
    return ikeSa.config === undefined ? undefined : this.registry.connections.get(ikeSa.config.name);
  }
}

const refusalOf = (cpu: CpuIndex, why: string): string => `CPU ${cpu} cannot carry it: ${why}`;
