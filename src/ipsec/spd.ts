/** The outbound SPD in its plain form (RFC 4301 §4.4.1): an ordered list. The data plane's kernels are held against its look-up. */
import type { PolicyId } from "./names.ts";
import type { PolicySpec } from "./sadb.ts";
import { matches } from "./selectors.ts";

/** Both sides of a packet, as selectors see it. */
export interface PacketSelectors {
  readonly family: 4 | 6;
  readonly protocol: number;
  readonly source: bigint;
  readonly destination: bigint;
  /** Undefined where there are none to see. */
  readonly ports: { readonly source: number; readonly destination: number } | undefined;
}

export class Spd {
  readonly #policies = new Map<PolicyId, PolicySpec>();

  /** A policy of the same id takes the place of the old one. */
  add(policy: PolicySpec): void {
    this.#policies.set(policy.id, policy);
  }

  remove(id: PolicyId): void {
    this.#policies.delete(id);
  }

  /** In the order in which they are looked at: lowest priority first, older first among equals. */
  list(): PolicySpec[] {
    return [...this.#policies.values()].sort((a, b) => a.priority - b.priority || a.id - b.id);
  }

  /** The first policy that covers the packet; undefined: discard it. */
  lookup({ family, protocol, source, destination, ports }: PacketSelectors): PolicySpec | undefined {
    return this.list().find(
      ({ localTs, remoteTs }) =>
        matches(localTs, { family, protocol, address: source, port: ports?.source }) &&
        matches(remoteTs, { family, protocol, address: destination, port: ports?.destination }),
    );
  }
}
