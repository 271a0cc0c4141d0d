/** Keeps the kernel's routes in step with the SPD, with the peers' addresses and with their paths. */
import type { Network } from "../host/linux/network.ts";
import { pathMtu } from "../host/linux/udp.ts";
import type { ConnectionConfig } from "../ike/config.ts";
import type { IkeEvent } from "../ike/events.ts";
import type { SadbMessage } from "../ipsec/sadb.ts";
import { isPlainAddress } from "./config/addresses.ts";
import type { Logger } from "./log/logger.ts";
import { PathMtuWatch } from "./path-mtu.ts";
import { TunnelRoutes } from "./tunnel-routes.ts";
import type { RoutedPolicy } from "./tunnel-routes.ts";

export class Routing {
  readonly #routes: TunnelRoutes;
  readonly #pathMtus: PathMtuWatch;
  readonly #deviceMtu: number;
  readonly #log: Logger;

  constructor(network: Network, device: { readonly name: string; readonly mtu: number }, log: Logger) {
    const addresses = network.addresses().filter(({ scope }) => scope === "global");
    const own = addresses.filter(({ device: name }) => name === device.name);
    const sources = [...own, ...addresses].map(({ address }) => address);
    this.#routes = new TunnelRoutes({ table: network, pathTo: (address) => network.pathTo(address) }, device, sources);
    this.#pathMtus = new PathMtuWatch({ pathMtu, onChange: (connection, mtu) => this.#onPathMtu(connection, mtu) });
    this.#deviceMtu = device.mtu;
    this.#log = log;
  }

  /** Children that are to be there at all times have their routes from the start: what no SA protects yet must not leave in the clear. */
  addConfigured(connections: readonly ConnectionConfig[]): void {
    for (const { name, remoteAddrs, children } of connections) {
      for (const address of remoteAddrs.filter(isPlainAddress)) this.#exemptPeer(address);
      for (const { name: child, startAction, localTs, remoteTs } of children) {
        if (startAction !== "none") this.#add({ key: `child ${name}/${child}`, connection: name, localTs, remoteTs });
      }
    }
  }

  /** What the SPD has an entry for is led to where the entry is. */
  followPolicy(message: SadbMessage): void {
    if (message.verb === "addPolicy") {
      const { id, name, localTs, remoteTs } = message.policy;
      this.#add({ key: `policy ${id}`, connection: name.split("/", 1)[0] ?? name, localTs, remoteTs });
    } else if (message.verb === "removePolicy") {
      this.#attempt(() => this.#routes.remove(`policy ${message.policyId}`));
    }
  }

  followPeer(event: IkeEvent): void {
    switch (event.kind) {
      case "ikeUp":
        this.#exemptPeer(event.remote.address);
        this.#pathMtus.use(event.sa.ikeSa, { connection: event.sa.connection, local: event.local.address, remote: event.remote.address });
        return;
      case "peerMoved":
        this.#exemptPeer(event.to.address);
        this.#pathMtus.use(event.sa.ikeSa, { connection: event.sa.connection, local: event.local.address, remote: event.to.address });
        return;
      case "localMoved":
        this.#pathMtus.use(event.sa.ikeSa, { connection: event.sa.connection, local: event.to.address, remote: event.remote.address });
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

  /** A path refused a packet for its size. */
  checkPath(local: string, remote: string): void {
    this.#pathMtus.check(local, remote);
  }

  checkPaths(): void {
    this.#pathMtus.checkAll();
  }

  clear(): void {
    this.#attempt(() => this.#routes.clear());
  }

  #add(policy: RoutedPolicy): void {
    this.#attempt(() => {
      for (const destination of this.#routes.add(policy)) {
        this.#log.error(`${policy.connection}: no route to ${destination} through the tunnel, because the peer itself is there`);
      }
    });
  }

  #exemptPeer(address: string): void {
    this.#attempt(() => this.#routes.exemptPeer(address));
  }

  #onPathMtu(connection: string, mtu: number): void {
    this.#attempt(() => {
      if (!this.#routes.setPathMtu(connection, mtu)) return;
      this.#log.info(`${connection}: packets through the tunnel may have ${Math.min(mtu, this.#deviceMtu)} octets now`);
    });
  }

  /** A route that the kernel refuses is told, and everything else goes on. */
  #attempt(change: () => void): void {
    try {
      change();
    } catch (error) {
      this.#log.error(error instanceof Error ? error.message : String(error));
    }
  }
}
