/** The notifies by which both ends of an IKE SA tell of their addresses (RFC 4555 §3.2–§3.8). */
import { addressFromOctets, addressOctets, formatAddress, parseAddress } from "../wire/address.ts";
import { NotifyType } from "../wire/iana/index.ts";
import { additionalAddress, additionalAddressOf, findNotify, mobikeSupported, noAdditionalAddresses } from "../wire/notify.ts";
import type { NotifyPayload, Payload } from "../wire/payload.ts";
import { matchesAddress } from "./addresses.ts";
import type { TransportAddresses } from "./child-sa.ts";
import type { ConnectionConfig } from "./config.ts";
import type { IkeSa } from "./ike-sa.ts";
import { Mobike } from "./mobike.ts";
import { natDetectionNotifies } from "./nat-detection.ts";

/** What IKE_AUTH says beside the SA payload: that we take part, and our other addresses (§3.2, §3.4). */
export function mobikeOffer(ikeSa: IkeSa, { mobike, localAddrs }: ConnectionConfig): NotifyPayload[] {
  return mobike ? [mobikeSupported(), ...ownAdditionalAddresses(ikeSa, localAddrs).map(addressNotify)] : [];
}

/** The peer's IKE_AUTH has come, and it is authenticated. MOBIKE is in use when both ends have said so (§3.2). */
export function adoptMobike(ikeSa: IkeSa, { mobike, localAddrs }: ConnectionConfig, payloads: readonly Payload[]): void {
  if (!mobike || findNotify(payloads, NotifyType.MOBIKE_SUPPORTED) === undefined) return;
  const role = ikeSa.isOriginalInitiator ? "initiator" : "responder";
  ikeSa.mobike = new Mobike(role, additionalAddressesIn(payloads), ownAdditionalAddresses(ikeSa, localAddrs));
}

/** The complete list of our addresses beside the one in use; that there are none has a notify of its own (§3.6). */
export function announcement(addresses: readonly string[]): NotifyPayload[] {
  return addresses.length === 0 ? [noAdditionalAddresses()] : addresses.map(addressNotify);
}

/** Addresses of this host that the connection may use, without the one that the IKE SA uses. */
export function ownAdditionalAddresses({ services, addresses }: IkeSa, localAddrs: readonly string[]): string[] {
  return [...services.localAddresses].filter((address) => address !== addresses.local.address && matchesAddress(localAddrs, address));
}

/** Throws MalformedMessage. */
export function additionalAddressesIn(payloads: readonly Payload[]): string[] {
  return payloads.flatMap((payload) => {
    if (payload.type !== "NOTIFY") return [];
    if (payload.notifyType !== NotifyType.ADDITIONAL_IP4_ADDRESS && payload.notifyType !== NotifyType.ADDITIONAL_IP6_ADDRESS) return [];
    const address = addressFromOctets(additionalAddressOf(payload));
    return address === undefined ? [] : [formatAddress(address.family, address.value)];
  });
}

const addressNotify = (address: string): NotifyPayload => additionalAddress(addressOctets(parseAddress(address)));

/** NAT detection for a message under an IKE SA that stands; its connection says whether to pretend a NAT. */
export function natDetectionFor(ikeSa: IkeSa, { local, remote }: TransportAddresses): NotifyPayload[] {
  const fake = ikeSa.config?.encap === true ? ikeSa.services.entropy.bytes(20) : undefined;
  return natDetectionNotifies(ikeSa.initiatorSpi, ikeSa.responderSpi, local, remote, fake);
}
