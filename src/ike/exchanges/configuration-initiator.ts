/** Our request for a virtual address, and what the peer gives us (RFC 7296 §2.19, §3.15). It goes along with a request for a Child SA. */
import { addressRequest, addressesIn, configurationOf, dnsRequest, dnsServersIn, subnetsIn } from "../../wire/configuration.ts";
import { formatAddress, type Address } from "../../wire/address.ts";
import { ConfigurationType } from "../../wire/iana/index.ts";
import type { Payload } from "../../wire/payload.ts";
import { asksForAddress, familiesOf } from "../child-selectors.ts";
import type { IkeSa } from "../ike-sa.ts";
import { describeVirtual } from "../negotiated-configuration.ts";

/** More of a kind than these are nobody's honest configuration, and would be kept as long as the IKE SA. */
const MOST_DNS_SERVERS = 16;
const MOST_SUBNETS = 64;

/** CFG_REQUEST, to stand before the SA payload; nothing when we have what we want, or want nothing. */
export function configurationRequest(ikeSa: IkeSa): Payload[] {
  if (!asksForAddress(ikeSa)) return [];
  const vips = ikeSa.config?.vips ?? [];
  const attributes = [...vips.map(addressRequest), ...familiesOf(vips).map(dnsRequest)];
  return [{ type: "CP", configType: ConfigurationType.CFG_REQUEST, attributes }];
}

/** Takes what we have asked for from an answer. Throws MalformedMessage. */
export function adoptConfiguration(ikeSa: IkeSa, payloads: readonly Payload[]): void {
  if (!asksForAddress(ikeSa)) return;
  const attributes = configurationOf(payloads, ConfigurationType.CFG_REPLY);
  if (attributes === undefined) return;
  const addresses = familiesOf(ikeSa.config?.vips).flatMap((family) => {
    return addressesIn(attributes, family)
      .flatMap((address) => (address !== undefined && isAssignable(address, ikeSa) ? [address] : []))
      .slice(0, 1);
  });
  if (addresses.length === 0) return;
  const dnsServers = dnsServersIn(attributes).slice(0, MOST_DNS_SERVERS);
  const subnets = subnetsIn(attributes).slice(0, MOST_SUBNETS);
  const virtual = { addresses, dnsServers, subnets };
  ikeSa.configuration = { ...ikeSa.configuration, virtual };
  ikeSa.services.outputs.event({ kind: "virtualAddresses", sa: ikeSa.ref, ...describeVirtual(virtual) });
}

/** An address that a host on a network can have. With one of the two ends of the tunnel, its own packets would go into it. */
function isAssignable({ family, value }: Address, { addresses: { local, remote } }: IkeSa): boolean {
  const text = formatAddress(family, value);
  if (text === local.address || text === remote.address) return false;
  return !UNASSIGNABLE[family].some(({ bits, prefix }) => value >> BigInt((family === 4 ? 32 : 128) - bits) === prefix);
}

/** This host, loopback, multicast and what lies above; the unspecified address and loopback, link-local, multicast (RFC 6890). */
const UNASSIGNABLE = {
  4: [
    { bits: 8, prefix: 0n },
    { bits: 8, prefix: 127n },
    { bits: 3, prefix: 7n },
  ],
  6: [
    { bits: 120, prefix: 0n },
    { bits: 10, prefix: 0x3fan },
    { bits: 8, prefix: 0xffn },
  ],
} as const;
