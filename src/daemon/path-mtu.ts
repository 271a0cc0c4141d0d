/** Follows what the kernel learns about the paths to peers, so that inner packets are told their limit before they are sealed (RFC 4301 §8.2). */
import type { IkeSaId } from "../ike/command.ts";
import type { EspCipher } from "../ipsec/esp-cipher.ts";
import type { Encapsulation } from "../ipsec/sadb.ts";
import { tunnelMtu } from "./tunnel-mtu.ts";

export interface PathMtuPorts {
  /** Largest outer packet, as the kernel knows it now. @throws Error where there is no path */
  readonly pathMtu: (local: string, remote: string) => number;
  /** Inner packets of the connection may have up to `mtu` octets from now on. */
  readonly onChange: (connection: string, mtu: number) => void;
}

/** Where an IKE SA's packets go. */
export interface Path {
  readonly connection: string;
  readonly local: string;
  readonly remote: string;
  readonly encapsulation: Encapsulation;
}

export class PathMtuWatch {
  readonly #ports: PathMtuPorts;
  readonly #paths = new Map<IkeSaId, Path>();
  /** What the Child SAs of each IKE SA have been sealed with so far. */
  readonly #ciphers = new Map<IkeSaId, Set<EspCipher>>();
  /** By connection: what was last told. */
  readonly #told = new Map<string, number>();

  constructor(ports: PathMtuPorts) {
    this.#ports = ports;
  }

  /** An IKE SA uses this path from now on. */
  use(ikeSa: IkeSaId, path: Path): void {
    this.#paths.set(ikeSa, path);
    this.#look(path.connection);
  }

  /** Part of an IKE SA's path is another one now. */
  change(ikeSa: IkeSaId, change: Partial<Omit<Path, "connection">>): void {
    const path = this.#paths.get(ikeSa);
    if (path !== undefined) this.use(ikeSa, { ...path, ...change });
  }

  /** `successor` took the place of `ikeSa`. */
  rename(ikeSa: IkeSaId, successor: IkeSaId): void {
    const path = this.#paths.get(ikeSa);
    if (path !== undefined) this.#paths.set(successor, path);
    const ciphers = this.#ciphers.get(ikeSa);
    if (ciphers !== undefined) this.#ciphers.set(successor, ciphers);
    // Nothing tells of the end of an IKE SA that has a successor.
    this.release(ikeSa);
  }

  /** A Child SA of the IKE SA seals with `cipher`: what it adds to a packet counts from now on. */
  protect(ikeSa: IkeSaId, cipher: EspCipher): void {
    const ciphers = this.#ciphers.get(ikeSa);
    if (ciphers?.has(cipher) === true) return;
    if (ciphers === undefined) this.#ciphers.set(ikeSa, new Set([cipher]));
    else ciphers.add(cipher);
    const path = this.#paths.get(ikeSa);
    if (path !== undefined) this.#look(path.connection);
  }

  release(ikeSa: IkeSaId): void {
    this.#paths.delete(ikeSa);
    this.#ciphers.delete(ikeSa);
  }

  /** The path refused a packet. */
  check(local: string, remote: string): void {
    const concerned = [...this.#paths.values()].filter((path) => path.local === local && path.remote === remote);
    for (const connection of new Set(concerned.map(({ connection: name }) => name))) this.#look(connection);
  }

  /** To be called now and then: the kernel forgets after some minutes what it learnt, as paths get better too. */
  checkAll(): void {
    for (const connection of new Set([...this.#paths.values()].map(({ connection: name }) => name))) this.#look(connection);
  }

  /** The narrowest of the paths to a connection's peers decides: their routes are the connection's. */
  #look(connection: string): void {
    const mtus = [...this.#paths].flatMap(([ikeSa, path]) => (path.connection === connection ? this.#innerMtus(path, ikeSa) : []));
    if (mtus.length === 0) return;
    const mtu = Math.min(...mtus);
    if (mtu === this.#told.get(connection)) return;
    this.#told.set(connection, mtu);
    this.#ports.onChange(connection, mtu);
  }

  /** One for each cipher. */
  #innerMtus({ local, remote, encapsulation }: Path, ikeSa: IkeSaId): number[] {
    try {
      const outer = this.#ports.pathMtu(local, remote);
      const ciphers: readonly (EspCipher | undefined)[] = [...(this.#ciphers.get(ikeSa) ?? [undefined])];
      return ciphers.map((cipher) => tunnelMtu(outer, remote.includes(":") ? 6 : 4, encapsulation, cipher));
    } catch {
      // No path at this moment: it has no say until there is one.
      return [];
    }
  }
}
