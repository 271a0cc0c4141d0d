/** What the peer's INFORMATIONAL requests say about addresses, and our answer (RFC 4555 §3.5–§3.9). */
import { addressOctets, parseAddress } from "../../wire/address.ts";
import { NotifyType } from "../../wire/iana/index.ts";
import { findNotify, noNatsAllowedOf, notify } from "../../wire/notify.ts";
import { equalOctets } from "../../wire/octets.ts";
import type { NotifyPayload, Payload } from "../../wire/payload.ts";
import { sameSocketAddress } from "../addresses.ts";
import type { Answer, Request } from "../answer.ts";
import type { TransportAddresses } from "../child-sa.ts";
import type { IkeSa } from "../ike-sa.ts";
import { changeAddresses, moveChildren, moveTo } from "../ike-sa-path.ts";
import { additionalAddressesIn, natDetectionFor } from "../mobike-notifies.ts";
import type { Mobike } from "../mobike.ts";
import { detectNat } from "../nat-detection.ts";
import { checkRoutability, moveIkeSa } from "./update-addresses.ts";

/** The payloads that MOBIKE adds to an answer, and what follows it. Throws MalformedMessage. */
export function answerMobike(ikeSa: IkeSa, request: Request): Answer {
  const { mobike } = ikeSa;
  if (mobike === undefined) return { payloads: [] };
  const { payloads, path } = request;
  const asksForNat = findNotify(payloads, NotifyType.NAT_DETECTION_DESTINATION_IP) !== undefined;
  const returned = findNotify(payloads, NotifyType.COOKIE2);
  // §3.7, §3.8: both are answered in any INFORMATIONAL exchange.
  const answer = [
    ...(asksForNat ? natDetectionFor(ikeSa, path) : []),
    ...(returned === undefined ? [] : [notify(NotifyType.COOKIE2, returned.data.slice())]),
  ];
  const refusal = contradiction(payloads, path);
  if (refusal !== undefined) return { payloads: [...answer, refusal] };
  if (findNotify(payloads, NotifyType.UPDATE_SA_ADDRESSES) !== undefined) return updateAddresses(ikeSa, mobike, request, answer);
  if (saysAddresses(payloads)) return noteAddresses(ikeSa, mobike, request, answer);
  return { payloads: answer };
}

/** §3.9: the peer allows no NAT, and there is one, or somebody who changes addresses: nothing else of the request counts. */
function contradiction(payloads: readonly Payload[], { local, remote }: TransportAddresses): NotifyPayload | undefined {
  const claim = findNotify(payloads, NotifyType.NO_NATS_ALLOWED);
  if (claim === undefined) return undefined;
  const { source, destination, sourcePort, destinationPort } = noNatsAllowedOf(claim);
  const isTrue =
    equalOctets(source, addressOctets(parseAddress(remote.address))) &&
    equalOctets(destination, addressOctets(parseAddress(local.address))) &&
    sourcePort === remote.port &&
    destinationPort === local.port;
  return isTrue ? undefined : notify(NotifyType.UNEXPECTED_NAT_DETECTED);
}

/** §3.5. The peer may come from anywhere, as it has proved who it is; but only the initiator decides. */
function updateAddresses(ikeSa: IkeSa, mobike: Mobike, { payloads, messageId, path }: Request, answer: NotifyPayload[]): Answer {
  if (mobike.role !== "responder") return { payloads: [...answer, notify(NotifyType.UNACCEPTABLE_ADDRESSES)] };
  if (messageId < mobike.newestUpdate) return { payloads: answer };
  mobike.newestUpdate = messageId;
  const nat = detectNat(payloads, ikeSa.initiatorSpi, ikeSa.responderSpi, path.local, path.remote);
  if (nat.supported) ikeSa.nat = nat;
  const isElsewhere = path.remote.address !== ikeSa.addresses.remote.address;
  return {
    payloads: answer,
    then: (now) => {
      if (!isElsewhere) {
        moveTo(ikeSa, path, now);
        // The addresses may be the same, and a NAT have come between or gone.
        if (!mobike.isChecking) moveChildren(ikeSa);
        return;
      }
      changeAddresses(ikeSa, path, now);
      checkRoutability(ikeSa, now);
    },
  };
}

const saysAddresses = (payloads: readonly Payload[]): boolean =>
  [NotifyType.ADDITIONAL_IP4_ADDRESS, NotifyType.ADDITIONAL_IP6_ADDRESS, NotifyType.NO_ADDITIONAL_ADDRESSES].some(
    (type) => findNotify(payloads, type) !== undefined,
  );

/** §3.6: the complete list, in place of the old one; the address of the message itself is one of the peer's too. */
function noteAddresses(ikeSa: IkeSa, mobike: Mobike, { payloads, path }: Request, answer: NotifyPayload[]): Answer {
  mobike.peerAddresses = additionalAddressesIn(payloads);
  const inUse = ikeSa.addresses.remote.address;
  const isStillThere = inUse === path.remote.address || mobike.peerAddresses.includes(inUse);
  if (mobike.role !== "initiator" || isStillThere || sameSocketAddress(path.remote, ikeSa.addresses.remote)) return { payloads: answer };
  return { payloads: answer, then: (now) => moveIkeSa(ikeSa, path, now) };
}
