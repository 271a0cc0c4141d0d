/**
 * What the selectors of a child come to on one IKE SA, where "dynamic" stands for the virtual address of that end, and in transport mode for the
 * address that the end is seen at.
 */
import { isDynamic, withAddresses, withAnyAddress } from "../ipsec/dynamic-selectors.ts";
import { parseAddress, type TrafficSelector } from "../wire/traffic-selector.ts";
import type { TransportAddresses } from "./addresses.ts";
import type { ChildConfig, ConnectionConfig } from "./config.ts";
import type { NegotiatedConfiguration } from "./negotiated-configuration.ts";
import { betweenEnds } from "./transport-mode.ts";

interface Selectors {
  readonly localTs: readonly TrafficSelector[];
  readonly remoteTs: readonly TrafficSelector[];
}

interface Negotiated {
  readonly config: ConnectionConfig | undefined;
  readonly configuration: NegotiatedConfiguration;
  readonly addresses: TransportAddresses;
}

type Addressed = Pick<Negotiated, "configuration" | "addresses">;

/** With the addresses that there are. */
export function selectorsInForce({ mode, localTs, remoteTs }: ChildConfig, { configuration, addresses }: Addressed): Selectors {
  if (mode === "transport") {
    const { local, remote } = addresses;
    const configured = {
      localTs: withAddresses(localTs, [parseAddress(local.address)]),
      remoteTs: withAddresses(remoteTs, [parseAddress(remote.address)]),
    };
    return betweenEnds(configured, addresses) ?? configured;
  }
  return {
    localTs: withAddresses(localTs, configuration.virtual?.addresses ?? []),
    remoteTs: withAddresses(
      remoteTs,
      configuration.leases.map(({ address }) => address),
    ),
  };
}

/** As long as we have not got the address that the same request asks for, all that it could be (§2.19). */
export function selectorsToOffer(child: ChildConfig, ikeSa: Negotiated): Selectors {
  const inForce = selectorsInForce(child, ikeSa);
  return child.mode === "tunnel" && asksForAddress(ikeSa)
    ? { ...inForce, localTs: withAnyAddress(child.localTs, familiesOf(ikeSa.config?.vips)) }
    : inForce;
}

/** Whether the next request for a Child SA asks for our virtual address too. */
export function asksForAddress({ config, configuration }: Negotiated): boolean {
  return config !== undefined && config.vips.length > 0 && configuration.virtual === undefined;
}

/** What our side of an answer goes no further than, where it depends on a virtual address; undefined where it does not. */
export function boundToAddress(child: ChildConfig, ikeSa: Addressed): readonly TrafficSelector[] | undefined {
  return child.mode === "tunnel" && child.localTs.some(isDynamic) ? selectorsInForce(child, ikeSa).localTs : undefined;
}

export const familiesOf = (those: readonly { readonly family: 4 | 6 }[] = []): (4 | 6)[] => those.map(({ family }) => family);
