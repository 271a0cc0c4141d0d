/** What becomes of IKE SAs when this host's addresses change, or when a peer cannot be reached any more (RFC 4555 §3.5, §3.11). */
import type { SocketAddress } from "../ipsec/sadb.ts";
import { familyOf, matchesAddress } from "./addresses.ts";
import type { TransportAddresses } from "./child-sa.ts";
import { AnnounceAddresses, moveIkeSa } from "./exchanges/update-addresses.ts";
import type { IkeSa } from "./ike-sa.ts";
import { moveTo } from "./ike-sa-path.ts";
import { ownAdditionalAddresses } from "./mobike-notifies.ts";
import type { Mobike } from "./mobike.ts";
import type { Registry } from "./registry.ts";
import type { Services } from "./services.ts";

export interface MobilityPorts {
  readonly services: Services;
  readonly registry: Registry;
  /** The source address that the host would use towards `remote`. */
  readonly sourceFor: ((remote: string) => string | undefined) | undefined;
}

export class Mobility {
  readonly #ports: MobilityPorts;

  constructor(ports: MobilityPorts) {
    this.#ports = ports;
  }

  /** The local addresses are others than before. An IKE SA whose address is gone waits where it is until there is one to go to. */
  localAddressesChanged(now: number): void {
    for (const ikeSa of this.#ports.registry.ikeSas) {
      const { mobike } = ikeSa;
      if (mobike === undefined) continue;
      if (this.#ports.services.localAddresses.has(ikeSa.addresses.local.address)) this.#announce(ikeSa, mobike, now);
      else this.#leave(ikeSa, mobike, now);
    }
  }

  /**
   * As initiator: the peer does not answer by the addresses in use, or does not want them. Says whether there is another pair to try, which is
   * being tried then; each is tried once until the peer answers.
   */
  tryAnotherPath(ikeSa: IkeSa, now: number): boolean {
    const { mobike } = ikeSa;
    if (mobike?.role !== "initiator" || !ikeSa.isEstablished) return false;
    mobike.failedPaths.add(nameOf(ikeSa.addresses));
    const path = this.#pathFor(ikeSa, mobike);
    if (path === undefined) return false;
    moveIkeSa(ikeSa, path, now);
    return true;
  }

  /** The address in use is gone. As responder we send from another, and tell; that the peer sends there is for it to decide (§3.6). */
  #leave(ikeSa: IkeSa, mobike: Mobike, now: number): void {
    const path = this.#pathFor(ikeSa, mobike);
    if (path === undefined) return;
    if (mobike.role === "initiator") {
      moveIkeSa(ikeSa, path, now);
      return;
    }
    moveTo(ikeSa, path, now);
    this.#announce(ikeSa, mobike, now, true);
  }

  #announce(ikeSa: IkeSa, mobike: Mobike, now: number, always = false): void {
    if (!ikeSa.isEstablished) return;
    const own = ownAdditionalAddresses(ikeSa, ikeSa.config?.localAddrs ?? []);
    const isKnown = own.length === mobike.announced.length && own.every((address) => mobike.announced.includes(address));
    if (always || !isKnown) ikeSa.exchanger.enqueue(new AnnounceAddresses(), now);
  }

  /** The pair to go to: the peer's address in use before its others; the host's own choice of a source before the rest. */
  #pathFor(ikeSa: IkeSa, mobike: Mobike): TransportAddresses | undefined {
    const { addresses, config } = ikeSa;
    const { services, sourceFor } = this.#ports;
    const { ikePort, natPort } = services.config;
    // A peer without NAT traversal has stayed on the port of IKE.
    const port = addresses.local.port === ikePort ? addresses.remote.port : natPort;
    const others = mobike.role === "initiator" ? mobike.peerAddresses : [];
    const remotes: SocketAddress[] = [addresses.remote, ...others.map((address) => ({ address, port }))];
    for (const remote of remotes) {
      const usable = [...services.localAddresses].filter(
        (address) => familyOf(address) === familyOf(remote.address) && matchesAddress(config?.localAddrs ?? [], address),
      );
      const preferred = sourceFor?.(remote.address);
      const ordered = preferred !== undefined && usable.includes(preferred) ? [preferred, ...usable] : usable;
      for (const address of ordered) {
        const path = { local: { address, port: addresses.local.port }, remote };
        if (!mobike.failedPaths.has(nameOf(path))) return path;
      }
    }
    return undefined;
  }
}

const nameOf = ({ local, remote }: TransportAddresses): string => `${local.address} ${remote.address}`;
