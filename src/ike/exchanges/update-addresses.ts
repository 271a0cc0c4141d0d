/** INFORMATIONAL exchanges of MOBIKE that we begin: new addresses, whether the peer is really where it says, and which others we have (RFC 4555 §3.5–§3.7). */
import { constantTimeEqual } from "../../crypto/auth.ts";
import { ExchangeType, NotifyType } from "../../wire/iana/index.ts";
import { cookie2, findErrorNotify, findNotify, updateSaAddresses } from "../../wire/notify.ts";
import type { Payload } from "../../wire/payload.ts";
import { sameSocketAddress } from "../addresses.ts";
import type { TransportAddresses } from "../child-sa.ts";
import type { Exchange } from "../exchanger.ts";
import type { IkeSa } from "../ike-sa.ts";
import { changeAddresses, moveChildren } from "../ike-sa-path.ts";
import { announcement, natDetectionFor, ownAdditionalAddresses } from "../mobike-notifies.ts";
import { detectNat, seenAddressHash } from "../nat-detection.ts";
import { closeIkeSa } from "./delete-ike.ts";

/** Octets of COOKIE2: enough that nobody guesses it. */
const COOKIE_LENGTH = 16;

/** As initiator: IKE and ESP use these addresses from now on, and the peer is told as soon as the window allows (§3.5). */
export function moveIkeSa(ikeSa: IkeSa, addresses: TransportAddresses, now: number): void {
  changeAddresses(ikeSa, addresses, now);
  tellAddresses(ikeSa, now);
  // After that: until the peer tells, it is not known whether there is a NAT on the new path.
  moveChildren(ikeSa);
}

/**
 * As initiator: the peer is to use the addresses of our message, as it sees them. It may not know yet that its rekey has replaced the IKE SA: so
 * long as it has not closed the old one, it is told on that too, or it would never get our answer.
 */
export function tellAddresses(ikeSa: IkeSa, now: number): void {
  if (ikeSa.mobike === undefined || ikeSa.mobike.isUpdatePending) return;
  if (!ikeSa.isEstablished && ikeSa.state.kind !== "REKEYED") return;
  ikeSa.mobike.isUpdatePending = true;
  ikeSa.exchanger.enqueue(new UpdateAddresses(), now);
}

/** The peer's rekey has replaced `old`, and what waited on it has gone to the successor: the peer may not have that one yet. */
export function tellOnReplaced(old: IkeSa, now: number): void {
  if (old.mobike?.isUpdatePending !== true) return;
  old.mobike.isUpdatePending = false;
  tellAddresses(old, now);
}

class UpdateAddresses implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  readonly name = "INFORMATIONAL new addresses";
  readonly order = "first";
  readonly concerns = "nothing";
  #cookie: Uint8Array = new Uint8Array(0);

  begin(host: IkeSa): readonly Payload[] | undefined {
    const { mobike, services } = host;
    if (mobike === undefined) return undefined;
    mobike.isUpdatePending = false;
    mobike.isUpdating = true;
    this.#cookie = services.entropy.bytes(COOKIE_LENGTH);
    return [updateSaAddresses(), ...natDetectionFor(host, host.addresses), cookie2(this.#cookie)];
  }

  handleResponse(host: IkeSa, payloads: readonly Payload[], now: number): void {
    const { mobike, addresses } = host;
    if (mobike === undefined || !requireCookie(host, this.#cookie, payloads, now)) return;
    mobike.isUpdating = false;
    // §3.5: the addresses have changed again since; what this answer says is about the old ones.
    if (mobike.isUpdatePending) return;
    const refusal = findErrorNotify(payloads);
    if (refusal !== undefined) {
      host.owner.addressesRefused(host, refusal.notifyType, now);
      return;
    }
    const nat = detectNat(payloads, host.initiatorSpi, host.responderSpi, addresses.local, addresses.remote);
    if (nat.supported) {
      host.nat = nat;
      host.seenAs = seenAddressHash(payloads);
    }
    moveChildren(host);
  }

  abandon(): void {
    return;
  }
}

/** As responder: the peer is to prove that it is at the address of the IKE SA; of one that has nothing yet, when it has. */
export function checkRoutability(ikeSa: IkeSa, now: number): void {
  if (ikeSa.mobike === undefined) return;
  ikeSa.mobike.isChecking = true;
  if (ikeSa.isEstablished) ikeSa.exchanger.enqueue(new ReturnRoutabilityCheck(), now);
}

/** As responder: ESP follows when the peer has answered from where it says that it is (§3.7). */
class ReturnRoutabilityCheck implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  readonly name = "INFORMATIONAL return routability check";
  readonly order = "first";
  readonly concerns = "nothing";
  #cookie: Uint8Array = new Uint8Array(0);
  #addresses: TransportAddresses | undefined;

  begin(host: IkeSa): readonly Payload[] {
    this.#cookie = host.services.entropy.bytes(COOKIE_LENGTH);
    this.#addresses = host.addresses;
    return [cookie2(this.#cookie)];
  }

  handleResponse(host: IkeSa, payloads: readonly Payload[], now: number): void {
    if (this.#addresses === undefined || !requireCookie(host, this.#cookie, payloads, now)) return;
    // §3.7: sent to several addresses, it proves none of them; the change that came between has a check of its own.
    if (host.mobike === undefined || !sameSocketAddress(this.#addresses.remote, host.addresses.remote)) return;
    host.mobike.isChecking = false;
    moveChildren(host);
  }

  abandon(): void {
    return;
  }
}

/** Our addresses beside the one in use have changed (§3.6). */
export class AnnounceAddresses implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  readonly name = "INFORMATIONAL additional addresses";
  readonly order = "first";
  readonly concerns = "nothing";

  begin(host: IkeSa): readonly Payload[] | undefined {
    const { mobike, config } = host;
    if (mobike === undefined || config === undefined) return undefined;
    mobike.announced = ownAdditionalAddresses(host, config.localAddrs);
    return announcement(mobike.announced);
  }

  handleResponse(): void {
    return;
  }

  abandon(): void {
    return;
  }
}

/** §3.7: the IKE SA is closed if the peer does not return the very octets. Says whether it did. */
function requireCookie(host: IkeSa, sent: Uint8Array, payloads: readonly Payload[], now: number): boolean {
  const returned = findNotify(payloads, NotifyType.COOKIE2)?.data;
  if (returned !== undefined && constantTimeEqual(returned, sent)) return true;
  closeIkeSa(host, "the peer did not return our COOKIE2", now);
  return false;
}
