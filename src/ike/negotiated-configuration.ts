/** What configuration payloads have settled on one IKE SA: addresses that the peer has given us, and we to the peer (RFC 7296 §2.19). */
import { formatAddress, type Address } from "../wire/address.ts";
import type { Prefix } from "../wire/configuration.ts";
import type { Lease } from "./leases.ts";
import type { VirtualConfigurationText } from "./status.ts";

/** What the peer has given us. */
export interface VirtualConfiguration {
  /** One of each family at most, and one at least. */
  readonly addresses: readonly Address[];
  readonly dnsServers: readonly Address[];
  /** Networks behind the peer (INTERNAL_IP4_SUBNET, INTERNAL_IP6_SUBNET): for information, as the traffic selectors decide. */
  readonly subnets: readonly Prefix[];
}

export interface NegotiatedConfiguration {
  readonly virtual: VirtualConfiguration | undefined;
  /** One of each family at most. */
  readonly leases: readonly Lease[];
}

export const NO_CONFIGURATION: NegotiatedConfiguration = { virtual: undefined, leases: [] };

const NOTHING: VirtualConfiguration = { addresses: [], dnsServers: [], subnets: [] };

/** For the operator; empty lists for undefined. */
export function describeVirtual(virtual: VirtualConfiguration | undefined): VirtualConfigurationText {
  const { addresses, dnsServers, subnets } = virtual ?? NOTHING;
  return {
    addresses: addresses.map(textOf),
    dnsServers: dnsServers.map(textOf),
    subnets: subnets.map((prefix: Prefix) => `${textOf(prefix)}/${prefix.length}`),
  };
}

const textOf = ({ family, value }: Address): string => formatAddress(family, value);
