/** Keeps the kernel's routes in step with the SPD, with the peers' addresses and with their paths. */
import type { Network } from "../host/linux/network.ts";
import { pathMtu } from "../host/linux/udp.ts";
import type { ChildConfig, ConnectionConfig } from "../ike/config.ts";
import type { IkeEvent } from "../ike/events.ts";
import { isStatic, withAddresses } from "../ipsec/dynamic-selectors.ts";
import type { SadbMessage } from "../ipsec/sadb.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";
import { attempt } from "./attempt.ts";
import { isPlainAddress } from "./config/addresses.ts";
import type { Logger } from "./log/logger.ts";
import type { OwnTable } from "./own-table.ts";
import { PathMtuWatch } from "./path-mtu.ts";
import { TunnelRoutes } from "./tunnel-routes.ts";
import type { RoutedPolicy } from "./tunnel-routes.ts";

export class Routing {
  readonly #network: Network;
  readonly #ownTable: OwnTable | undefined;
  readonly #routes: TunnelRoutes;
  readonly #pathMtus: PathMtuWatch;
  readonly #deviceMtu: number;
  readonly #log: Logger;

  /** @param ownTable what routes go into, and the mark of the packets that do not look there; undefined: the main table, for all */
  constructor(network: Network, device: { readonly name: string; readonly mtu: number }, ownTable: OwnTable | undefined, log: Logger) {
    this.#network = network;
    this.#ownTable = ownTable;
    const addresses = network.addresses().filter(({ scope }) => scope === "global");
    const own = addresses.filter(({ device: name }) => name === device.name);
    const sources = [...own, ...addresses].map(({ address }) => address);
    this.#routes = new TunnelRoutes({ table: network, pathTo: (address) => network.pathTo(address) }, device, sources, ownTable?.table);
    this.#pathMtus = new PathMtuWatch({
      pathMtu: (local, remote) => pathMtu(local, remote, ownTable?.mark),
      onChange: (connection, mtu) => this.#onPathMtu(connection, mtu),
    });
    this.#deviceMtu = device.mtu;
    this.#log = log;
  }

  /** Children that are to be there at all times have their routes from the start: what no SA protects yet must not leave in the clear. */
  addConfigured(connections: readonly ConnectionConfig[]): void {
    for (const { name, remoteAddrs, children } of connections) {
      for (const address of remoteAddrs.filter(isPlainAddress)) this.#exemptPeer(address);
      for (const child of children) {
        if (child.startAction === "none") continue;
        const selectors = { localTs: this.#localTs(child), remoteTs: child.remoteTs.filter(isStatic) };
        this.#add({ key: `child ${name}/${child.name}`, connection: name, ...selectors });
      }
    }
  }

  /** What the SPD has an entry for is led to where the entry is. */
  followPolicy(message: SadbMessage): void {
    if (message.verb === "addPolicy") {
      const { id, name, localTs, remoteTs } = message.policy;
      this.#add({ key: `policy ${id}`, connection: name.split("/", 1)[0] ?? name, localTs, remoteTs });
    } else if (message.verb === "removePolicy") {
      attempt(this.#log, () => this.#routes.remove(`policy ${message.policyId}`));
    }
  }

  followPeer(event: IkeEvent): void {
    switch (event.kind) {
      case "ikeUp": {
        const { sa, encapsulation, local, remote } = event;
        this.#exemptPeer(remote.address);
        this.#pathMtus.use(sa.ikeSa, { connection: sa.connection, local: local.address, remote: remote.address, encapsulation });
        return;
      }
      case "peerMoved":
        this.#exemptPeer(event.to.address);
        this.#pathMtus.change(event.sa.ikeSa, { local: event.local.address, remote: event.to.address });
        return;
      case "localMoved":
        this.#pathMtus.change(event.sa.ikeSa, { local: event.to.address, remote: event.remote.address });
        return;
      case "encapsulation":
        this.#pathMtus.change(event.sa.ikeSa, { encapsulation: event.encapsulation });
        return;
      case "childUp":
        this.#pathMtus.protect(event.sa.ikeSa, event.cipher);
        return;
      case "ikeRekeyed":
        this.#pathMtus.rename(event.old.ikeSa, event.sa.ikeSa);
        return;
      case "ikeDown":
        this.#pathMtus.release(event.sa.ikeSa);
        return;
      default:
        return;
    }
  }

  useVirtualAddresses(addresses: readonly string[]): void {
    attempt(this.#log, () => this.#routes.setVirtualSources(addresses));
  }

  /** A path refused a packet for its size. */
  checkPath(local: string, remote: string): void {
    this.#pathMtus.check(local, remote);
  }

  checkPaths(): void {
    this.#pathMtus.checkAll();
  }

  clear(): void {
    attempt(this.#log, () => this.#routes.clear());
    const ownTable = this.#ownTable;
    if (ownTable !== undefined) attempt(this.#log, () => this.#network.deleteRule(ownTable));
  }

  /** In transport mode, "dynamic" is the address that the tunnel's own packets to the peer have. */
  #localTs({ mode, localTs, remoteTs }: ChildConfig): TrafficSelector[] {
    if (mode === "tunnel" || localTs.every(isStatic)) return localTs.filter(isStatic);
    const peers = remoteTs.filter(isStatic).map(({ family, start }) => formatAddress(family, start));
    const sources: string[] = [];
    for (const peer of peers) attempt(this.#log, () => sources.push(this.#network.pathTo(peer).source));
    return withAddresses(localTs, sources.map(parseAddress));
  }

  #add(policy: RoutedPolicy): void {
    attempt(this.#log, () => {
      for (const destination of this.#routes.add(policy)) {
        this.#log.error(`${policy.connection}: no route to ${destination} through the tunnel, because the peer itself is there`);
      }
    });
  }

  #exemptPeer(address: string): void {
    attempt(this.#log, () => this.#routes.exemptPeer(address));
  }

  #onPathMtu(connection: string, mtu: number): void {
    attempt(this.#log, () => {
      if (!this.#routes.setPathMtu(connection, mtu)) return;
      this.#log.info(`${connection}: packets through the tunnel may have ${Math.min(mtu, this.#deviceMtu)} octets now`);
    });
  }
}
