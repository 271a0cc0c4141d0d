/** Puts the virtual addresses that peers give us on the TUN device, and takes them off when their IKE SA is gone (RFC 7296 §3.15.1). */
import type { IkeSaId } from "../ike/command.ts";
import type { IkeEvent } from "../ike/events.ts";

export interface VirtualAddressPorts {
  /** Both throw with a sentence. */
  readonly addAddress: (prefix: string) => void;
  readonly removeAddress: (prefix: string) => void;
  /** All virtual addresses that are on the device now, the newest last. Called before one is removed: nothing may have it as its source then. */
  readonly onChange: (addresses: readonly string[]) => void;
  /** DNS servers of all peers that have given us addresses. */
  readonly onDnsServers: (servers: readonly string[]) => void;
}

interface Given {
  readonly addresses: readonly string[];
  readonly dnsServers: readonly string[];
}

export class VirtualAddresses {
  readonly #ports: VirtualAddressPorts;
  /** Addresses that are on the device in any case. */
  readonly #permanent: ReadonlySet<string>;
  readonly #given = new Map<IkeSaId, Given>();

  constructor(ports: VirtualAddressPorts, permanent: readonly string[]) {
    this.#ports = ports;
    this.#permanent = new Set(permanent);
  }

  follow(event: IkeEvent): void {
    switch (event.kind) {
      case "virtualAddresses": {
        const { addresses, dnsServers } = event;
        for (const address of this.#absent(addresses)) this.#ports.addAddress(hostPrefix(address));
        this.#given.set(event.sa.ikeSa, { addresses, dnsServers });
        this.#tell();
        return;
      }
      case "ikeRekeyed": {
        const given = this.#given.get(event.old.ikeSa);
        if (given === undefined) return;
        this.#given.delete(event.old.ikeSa);
        this.#given.set(event.sa.ikeSa, given);
        return;
      }
      case "ikeDown": {
        const given = this.#given.get(event.sa.ikeSa);
        if (given === undefined) return;
        this.#given.delete(event.sa.ikeSa);
        this.#tell();
        for (const address of this.#absent(given.addresses)) this.#ports.removeAddress(hostPrefix(address));
        return;
      }
      default:
        return;
    }
  }

  /** Nobody has given anything (any more), nor will tell that it is gone. The addresses go with the device. */
  clear(): void {
    this.#given.clear();
    this.#ports.onDnsServers([]);
  }

  /** Those that nobody has given, and that are not ours anyway. Two peers may give the same one. */
  #absent(addresses: readonly string[]): string[] {
    const present = new Set(this.#addresses());
    return addresses.filter((address) => !present.has(address) && !this.#permanent.has(address));
  }

  #addresses(): string[] {
    return [...new Set([...this.#given.values()].flatMap(({ addresses }) => addresses))];
  }

  #tell(): void {
    this.#ports.onChange(this.#addresses());
    this.#ports.onDnsServers([...new Set([...this.#given.values()].flatMap(({ dnsServers }) => dnsServers))]);
  }
}

const hostPrefix = (address: string): string => `${address}/${address.includes(":") ? 128 : 32}`;
