/** Gathers what `hawser status` shows. Reads everything, changes nothing, and tells no secret. */
import { KeyExchangeMethod } from "../wire/iana/index.ts";
import { formatAddress } from "../wire/address.ts";
import { formatIkeSpi } from "../wire/ike-header.ts";
import { formatTrafficSelector } from "../wire/traffic-selector.ts";
import type { ChildSa } from "./child-sa.ts";
import type { EndpointCore } from "./endpoint-core.ts";
import { espPathOf } from "./esp-path.ts";
import { formatIdentity } from "./identity.ts";
import type { IkeSa } from "./ike-sa.ts";
import { describeVirtual } from "./negotiated-configuration.ts";
import type { ChildSaStatus, EndpointCounters, EndpointStatus, IkeSaStatus } from "./status.ts";

export function reportStatus(core: EndpointCore, now: number): EndpointStatus {
  const { registry } = core;
  return {
    now,
    connections: [...registry.connections.values()].map((connection) => connection.status()),
    ikeSas: registry.ikeSas.map((ikeSa) => ikeSaStatus(ikeSa, now)),
    childSas: registry.ikeSas.flatMap((ikeSa) => [...ikeSa.children.values()].map((child) => childSaStatus(ikeSa, child, now))),
    groups: registry.ikeSas.flatMap(({ groups }) => [...groups.values()].map((group) => group.status(now))),
    pools: core.services.leases.status(),
    counters: countersOf(core),
  };
}

function ikeSaStatus(ikeSa: IkeSa, now: number): IkeSaStatus {
  const { id, peers, nat, exchanger, configuration } = ikeSa;
  return {
    id,
    connection: ikeSa.config?.name,
    state: ikeSa.state.kind,
    role: ikeSa.isOriginalInitiator ? "initiator" : "responder",
    initiatorSpi: formatIkeSpi(ikeSa.initiatorSpi),
    responderSpi: formatIkeSpi(ikeSa.responderSpi),
    ...espPathOf(ikeSa),
    localId: peers === undefined ? undefined : formatIdentity(peers.localId),
    remoteId: peers === undefined ? undefined : formatIdentity(peers.remoteId),
    localAuth: peers?.localAuth,
    remoteAuth: peers?.remoteAuth,
    algorithms: ikeSa.hasKeys ? ikeSa.keys.algorithms : undefined,
    virtual: describeVirtual(configuration.virtual),
    leases: configuration.leases.map(({ pool, address: { family, value } }) => ({
      pool: pool.name,
      address: formatAddress(family, value),
    })),
    natHere: nat.here,
    natThere: nat.there,
    age: now - ikeSa.createdAt,
    rekeyIn: ikeSa.rekeyAt === undefined ? undefined : ikeSa.rekeyAt - now,
    outstanding: exchanger.outstanding.length,
    queued: exchanger.queued.length,
    window: { ours: ikeSa.services.config.windowSize, peers: exchanger.window },
  };
}

function childSaStatus(ikeSa: IkeSa, child: ChildSa, now: number): ChildSaStatus {
  const { parameters, usage, lifetimes } = child;
  const { id, config, cpu, spiIn, spiOut, cipher, esn, mode, keyExchange, shared, localTs, remoteTs, createdAt } = parameters;
  const { packetsIn, bytesIn, packetsOut, bytesOut } = usage;
  return {
    id,
    ikeSa: ikeSa.id,
    connection: ikeSa.connectionName,
    child: config.name,
    cpu,
    spiIn,
    spiOut,
    cipher,
    esn,
    mode,
    pfs: keyExchange === undefined ? undefined : KeyExchangeMethod.nameOf(keyExchange),
    state: child.state.kind,
    shared,
    localTs: localTs.map(formatTrafficSelector),
    remoteTs: remoteTs.map(formatTrafficSelector),
    age: now - createdAt,
    rekeyIn: Number.isFinite(lifetimes.rekeyAt) ? lifetimes.rekeyAt - now : undefined,
    packetsIn,
    bytesIn,
    packetsOut,
    bytesOut,
  };
}

function countersOf({ services, guard, registry }: EndpointCore): EndpointCounters {
  const { messagesIn, messagesOut, retransmitsIn, retransmitsOut, cookiesSent, fragmentsIn, fragmentsOut, drops } = services.counters;
  return {
    halfOpen: guard.count,
    established: registry.ikeSas.filter(({ isEstablished }) => isEstablished).length,
    messagesIn,
    messagesOut,
    retransmitsIn,
    retransmitsOut,
    cookiesSent,
    fragmentsIn,
    fragmentsOut,
    drops: Object.fromEntries(drops),
  };
}
