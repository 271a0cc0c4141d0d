/** Routes that lead protected traffic into the TUN device, and the packets of the tunnel itself around it. */
import type { Route, RouteTable } from "../host/ports.ts";
import { parseAddress } from "../wire/address.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";
import { containsAddress, destinationsOf } from "./network-prefixes.ts";

/** What asks for routes: a child that is configured, or an entry of the SPD. */
export interface RoutedPolicy {
  /** Names the policy among all; the same name again replaces it. */
  readonly key: string;
  /** The connection, whose peer's path decides about the MTU. */
  readonly connection: string;
  readonly localTs: readonly TrafficSelector[];
  readonly remoteTs: readonly TrafficSelector[];
}

export interface RoutePorts {
  readonly table: RouteTable;
  /** The way to an address as the host has it now. @throws Error where there is none */
  readonly pathTo: (address: string) => { readonly device: string; readonly via?: string; readonly source: string };
}

interface Installed {
  readonly route: Route;
  /** Keys of the policies that want it. */
  readonly owners: Set<string>;
}

export class TunnelRoutes {
  readonly #ports: RoutePorts;
  readonly #device: string;
  readonly #deviceMtu: number;
  /** Addresses of this host that may be the source of tunnelled packets, best first. */
  readonly #sources: readonly string[];
  readonly #policies = new Map<string, RoutedPolicy>();
  readonly #installed = new Map<string, Installed>();
  /** By address: the way to it past the tunnel, in the kernel's table once a policy covers the address. */
  readonly #peers = new Map<string, { readonly route: Route; isInstalled: boolean }>();
  /** By connection: the MTU that its peer's path leaves, where it is less than the device's. */
  readonly #pathMtus = new Map<string, number>();

  constructor(ports: RoutePorts, device: { readonly name: string; readonly mtu: number }, sources: readonly string[]) {
    this.#ports = ports;
    this.#device = device.name;
    this.#deviceMtu = device.mtu;
    this.#sources = sources;
  }

  /**
   * Sees to it that packets to a peer's own address never enter the tunnel, whatever selectors say: where they cover it, it gets a route of its
   * own by the way it has now. Call it before {@link add} for what may cover the address.
   *
   * @throws Error where there is no way to the peer, or none but through the tunnel
   */
  exemptPeer(address: string): void {
    if (!this.#peers.has(address)) {
      const { device, via, source } = this.#ports.pathTo(address);
      if (device === this.#device) throw new Error(`the way to the peer ${address} leads through its own tunnel`);
      const route = { destination: hostPrefix(address), device, ...(via !== undefined && { via }), source };
      this.#peers.set(address, { route, isInstalled: false });
    }
    this.#installExemptions();
  }

  /** Returns the destinations that cannot be routed because they are a peer's own address: its ESP packets must go past the tunnel. */
  add(policy: RoutedPolicy): string[] {
    this.remove(policy.key);
    this.#policies.set(policy.key, policy);
    this.#installExemptions();
    const exempt = new Set([...this.#peers.values()].map(({ route }) => route.destination));
    const destinations = destinationsOf(policy.remoteTs);
    for (const destination of destinations) {
      if (exempt.has(destination)) continue;
      const installed = this.#installed.get(destination);
      if (installed !== undefined) {
        installed.owners.add(policy.key);
        continue;
      }
      const route = this.#route(destination, policy);
      this.#ports.table.replaceRoute(route);
      this.#installed.set(destination, { route, owners: new Set([policy.key]) });
    }
    return destinations.filter((destination) => exempt.has(destination));
  }

  remove(key: string): void {
    this.#policies.delete(key);
    for (const [destination, { route, owners }] of this.#installed) {
      if (!owners.delete(key) || owners.size > 0) continue;
      this.#ports.table.deleteRoute(route);
      this.#installed.delete(destination);
    }
  }

  /** The path to a connection's peer has room for inner packets of `mtu` octets. Returns whether that changed any route. */
  setPathMtu(connection: string, mtu: number): boolean {
    const before = this.#pathMtus.get(connection) ?? this.#deviceMtu;
    const after = Math.min(mtu, this.#deviceMtu);
    if (before === after) return false;
    this.#pathMtus.set(connection, after);
    for (const [destination, { owners }] of this.#installed) {
      const policy = [...owners].map((key) => this.#policies.get(key)).find((owner) => owner?.connection === connection);
      if (policy === undefined) continue;
      const route = this.#route(destination, policy);
      this.#ports.table.replaceRoute(route);
      this.#installed.set(destination, { route, owners });
    }
    return true;
  }

  /** Removes every route. */
  clear(): void {
    for (const { route } of this.#installed.values()) this.#ports.table.deleteRoute(route);
    for (const { route, isInstalled } of this.#peers.values()) if (isInstalled) this.#ports.table.deleteRoute(route);
    this.#installed.clear();
    this.#policies.clear();
    this.#peers.clear();
  }

  #route(destination: string, { connection, localTs }: RoutedPolicy): Route {
    const { family } = parseAddress(destination.split("/", 1)[0] ?? "");
    const source = this.#sources.find((address) => parseAddress(address).family === family && containsAddress(localTs, address));
    const mtu = this.#pathMtus.get(connection) ?? this.#deviceMtu;
    return {
      destination,
      device: this.#device,
      ...(source !== undefined && { source }),
      ...(mtu < this.#deviceMtu && { mtu }),
    };
  }

  #installExemptions(): void {
    const ranges = [...this.#policies.values()].flatMap(({ remoteTs }) => remoteTs);
    for (const [address, peer] of this.#peers) {
      if (peer.isInstalled || !containsAddress(ranges, address)) continue;
      this.#ports.table.replaceRoute(peer.route);
      peer.isInstalled = true;
    }
  }
}

function hostPrefix(address: string): string {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}
