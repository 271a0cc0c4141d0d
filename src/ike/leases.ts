/** The pools of one endpoint, and the addresses leased from them. A lease belongs to an IKE SA, and to its successor after a rekey. */
import { formatAddress, type Address, type AddressFamily } from "../wire/address.ts";
import { AddressPool } from "./address-pool.ts";
import type { PoolConfig } from "./config.ts";
import { identityKey, type Identity } from "./identity.ts";
import type { PoolStatus } from "./status.ts";

export interface Lease {
  readonly pool: PoolConfig;
  readonly address: Address;
}

interface Pool {
  readonly config: PoolConfig;
  readonly addresses: AddressPool;
}

export class Leases {
  readonly #pools: ReadonlyMap<string, Pool>;

  constructor(configs: readonly PoolConfig[]) {
    this.#pools = new Map(
      configs.map((config) => [config.name, { config, addresses: new AddressPool(config.range.start, config.range.end) }]),
    );
  }

  /** Whether any of these pools has addresses of this family, free or not. */
  has(names: readonly string[], family: AddressFamily): boolean {
    return this.#of(names, family).length > 0;
  }

  /** From the first of the pools that has one free; undefined: none has. */
  take(names: readonly string[], family: AddressFamily, owner: Identity, wish: bigint | undefined): Lease | undefined {
    for (const { config, addresses } of this.#of(names, family)) {
      const value = addresses.take(identityKey(owner), wish);
      if (value !== undefined) return { pool: config, address: { family, value } };
    }
    return undefined;
  }

  giveBack({ pool, address }: Lease): void {
    this.#pools.get(pool.name)?.addresses.giveBack(address.value);
  }

  status(): PoolStatus[] {
    return [...this.#pools.values()].map(({ config: { name, range }, addresses }) => ({
      name,
      first: formatAddress(range.family, range.start),
      last: formatAddress(range.family, range.end),
      // A bigint would not survive JSON; what it loses beyond 2^53 nobody misses.
      size: Number(addresses.size),
      inUse: addresses.inUse,
      remembered: addresses.remembered,
    }));
  }

  #of(names: readonly string[], family: AddressFamily): Pool[] {
    return names.flatMap((name) => this.#pools.get(name) ?? []).filter(({ config }) => config.range.family === family);
  }
}
