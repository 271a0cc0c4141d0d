/** What exists in one endpoint: IKE SAs by our SPI, Child SAs by their IKE SA, connections by name. */
import type { ChildSaId } from "../ipsec/names.ts";
import type { IkeSpi } from "../wire/ike-header.ts";
import type { ChildSa } from "./child-sa.ts";
import type { IkeSaId } from "./command.ts";
import type { Connection } from "./connection.ts";
import type { GroupBinding } from "./group-binding.ts";
import { isAnonymous, sameIdentity } from "./identity.ts";
import type { IkeSa } from "./ike-sa.ts";
import { sourceNetwork } from "./source-network.ts";

export class Registry {
  readonly connections = new Map<string, Connection>();
  readonly #ikeSas = new Map<IkeSpi, IkeSa>();
  /** Child SAs move from one IKE SA to its successor, and this with them. */
  readonly #children = new Map<ChildSaId, { readonly child: ChildSa; ikeSa: IkeSa }>();

  get ikeSas(): readonly IkeSa[] {
    return [...this.#ikeSas.values()];
  }

  get isEmpty(): boolean {
    return this.#ikeSas.size === 0;
  }

  add(ikeSa: IkeSa): void {
    this.#ikeSas.set(ikeSa.ownSpi, ikeSa);
  }

  remove(ikeSa: IkeSa): void {
    this.#ikeSas.delete(ikeSa.ownSpi);
  }

  bySpi(spi: IkeSpi): IkeSa | undefined {
    return this.#ikeSas.get(spi);
  }

  byId(id: IkeSaId): IkeSa | undefined {
    return this.ikeSas.find((ikeSa) => ikeSa.id === id);
  }

  addChild(ikeSa: IkeSa, child: ChildSa): void {
    this.#children.set(child.id, { child, ikeSa });
  }

  removeChild(id: ChildSaId): void {
    this.#children.delete(id);
  }

  moveChildren(successor: IkeSa): void {
    for (const child of successor.children.values()) this.addChild(successor, child);
  }

  child(id: ChildSaId): { readonly child: ChildSa; readonly ikeSa: IkeSa } | undefined {
    return this.#children.get(id);
  }

  /** In the order of their making. */
  establishedOf(connectionName: string): IkeSa[] {
    return this.ikeSas.filter((ikeSa) => ikeSa.isEstablished && ikeSa.config?.name === connectionName);
  }

  /** Established IKE SAs between the same two identities, `ikeSa` itself left out. */
  othersWithPeersOf(ikeSa: IkeSa): IkeSa[] {
    const { peers } = ikeSa;
    // RFC 7619 §2.2: all who show no identity look the same, and are not.
    if (peers === undefined || isAnonymous(peers.remoteId)) return [];
    return this.ikeSas.filter((other) => {
      if (other === ikeSa || !other.isEstablished || other.peers === undefined) return false;
      return sameIdentity(other.peers.localId, peers.localId) && sameIdentity(other.peers.remoteId, peers.remoteId);
    });
  }

  /**
   * All IKE SAs of the same connection that the peer of `ikeSa` has been authenticated on, this one included, whatever has become of them. Who shows
   * no identity is told by where it is.
   */
  withPeerOf({ peers, config, addresses }: IkeSa): IkeSa[] {
    if (peers === undefined) return [];
    const network = sourceNetwork(addresses.remote.address);
    return this.ikeSas.filter((other) => {
      if (other.peers === undefined || other.config?.name !== config?.name || !sameIdentity(other.peers.remoteId, peers.remoteId))
        return false;
      return !isAnonymous(peers.remoteId) || sourceNetwork(other.addresses.remote.address) === network;
    });
  }

  groupByPolicy(id: number): GroupBinding | undefined {
    for (const ikeSa of this.#ikeSas.values()) {
      for (const group of ikeSa.groups.values()) if (group.policyId === id) return group;
    }
    return undefined;
  }
}
