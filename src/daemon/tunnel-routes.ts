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
  readonly #table: number | undefined;
  /** Addresses of this host that may be the source of tunnelled packets, best first. */
  readonly #sources: readonly string[];
  /** Those that peers have given us, which go before these. */
  #virtualSources: readonly string[] = [];
  readonly #policies = new Map<string, RoutedPolicy>();
  readonly #installed = new Map<string, Installed>();
  /** By address: the way to it past the tunnel, in the kernel's table once a policy covers the address. */
  readonly #peers = new Map<string, { readonly route: Route; isInstalled: boolean }>();
  /** By connection: the MTU that its peer's path leaves, where it is less than the device's. */
  readonly #pathMtus = new Map<string, number>();

  /** @param table that the tunnel's own packets do not look into, so that all others may go to their peers through the tunnel too */
  constructor(ports: RoutePorts, device: { readonly name: string; readonly mtu: number }, sources: readonly string[], table?: number) {
    this.#ports = ports;
    this.#device = device.name;
    this.#deviceMtu = device.mtu;
    this.#table = table;
    this.#sources = sources;
  }

  /**
   * Sees to it that packets to a peer's own address never enter the tunnel, whatever selectors say: where they cover it, it gets a route of its
   * own by the way it has now. Call it before {@link add} for what may cover the address. With a table of the tunnel's own there is nothing to do.
   *
   * @throws Error where there is no way to the peer, or none but through the tunnel
   */
  exemptPeer(address: string): void {
    if (this.#table !== undefined) return;
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
      const owners = this.#installed.get(destination)?.owners ?? new Set<string>();
      owners.add(policy.key);
      this.#install(destination, owners);
    }
    return destinations.filter((destination) => exempt.has(destination));
  }

  remove(key: string): void {
    this.#policies.delete(key);
    for (const [destination, { route, owners }] of this.#installed) {
      if (!owners.delete(key)) continue;
      if (owners.size > 0) {
        this.#install(destination, owners);
        continue;
      }
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
    this.#refresh();
    return true;
  }

  /** The addresses that peers have given us: sources of the routes to what they are for. */
  setVirtualSources(addresses: readonly string[]): void {
    this.#virtualSources = addresses;
    this.#refresh();
  }

  /** Removes every route. */
  clear(): void {
    for (const { route } of this.#installed.values()) this.#ports.table.deleteRoute(route);
    for (const { route, isInstalled } of this.#peers.values()) if (isInstalled) this.#ports.table.deleteRoute(route);
    this.#installed.clear();
    this.#policies.clear();
    this.#peers.clear();
  }

  #refresh(): void {
    for (const [destination, { owners }] of this.#installed) this.#install(destination, owners);
  }

  /** The kernel is told only of what is new. */
  #install(destination: string, owners: Set<string>): void {
    const policies = [...owners].flatMap((key) => this.#policies.get(key) ?? []);
    const route = this.#route(destination, policies);
    const before = this.#installed.get(destination)?.route;
    if (before === undefined || before.source !== route.source || before.mtu !== route.mtu) this.#ports.table.replaceRoute(route);
    this.#installed.set(destination, { route, owners });
  }

  /** With the source of the first policy that has one, and the MTU of the narrowest path. */
  #route(destination: string, policies: readonly RoutedPolicy[]): Route {
    const { family } = parseAddress(destination.split("/", 1)[0] ?? "");
    const sources = [...this.#virtualSources, ...this.#sources].filter((address) => parseAddress(address).family === family);
    const [source] = policies.flatMap(({ localTs }) => sources.find((address) => containsAddress(localTs, address)) ?? []);
    const mtu = Math.min(this.#deviceMtu, ...policies.map(({ connection }) => this.#pathMtus.get(connection) ?? this.#deviceMtu));
    return {
      destination,
      device: this.#device,
      ...(source !== undefined && { source }),
      ...(mtu < this.#deviceMtu && { mtu }),
      ...(this.#table !== undefined && { table: this.#table }),
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
