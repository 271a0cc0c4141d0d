/** Agreeing on transport mode (RFC 7296 §1.3.1): asked for by a notify, taken by the same one in the answer, else the Child SA is a tunnel. */
import type { SaMode } from "../ipsec/sadb.ts";
import { narrow } from "../ipsec/selectors.ts";
import { ANY_PORTS, parseAddress, type TrafficSelector } from "../wire/traffic-selector.ts";
import { NotifyType } from "../wire/iana/index.ts";
import { findNotify, notify } from "../wire/notify.ts";
import type { NotifyPayload, Payload } from "../wire/payload.ts";
import type { TransportAddresses } from "./addresses.ts";
import { NoAgreement, PeerMisbehaved } from "./errors.ts";

interface Selectors {
  readonly localTs: readonly TrafficSelector[];
  readonly remoteTs: readonly TrafficSelector[];
}

/** What a request or an answer says besides its SA payload. */
export function transportNotify(mode: SaMode): NotifyPayload[] {
  return mode === "transport" ? [notify(NotifyType.USE_TRANSPORT_MODE)] : [];
}

export function asksForTransport(payloads: readonly Payload[]): boolean {
  return findNotify(payloads, NotifyType.USE_TRANSPORT_MODE) !== undefined;
}

/**
 * The mode of an answer to a request for `asked`. Throws NoAgreement if the peer made a tunnel where transport mode was asked for (§1.3.1: if this is
 * unacceptable to the initiator, it MUST delete the SA), PeerMisbehaved for transport mode that nobody asked for.
 */
export function requireMode(asked: SaMode, answer: readonly Payload[]): SaMode {
  const isTransport = asksForTransport(answer);
  if (isTransport === (asked === "transport")) return asked;
  if (isTransport) throw new PeerMisbehaved("it has made transport mode of a tunnel");
  throw new NoAgreement(NotifyType.NO_PROPOSAL_CHOSEN, "it has made a tunnel, where transport mode is configured here");
}

/** Throws NoAgreement for selectors of anything but one address at each end, of which there would have to be several headers. */
export function requireHosts(...sides: readonly (readonly TrafficSelector[])[]): void {
  const isHost = (selectors: readonly TrafficSelector[]): boolean =>
    new Set(selectors.flatMap(({ family, start, end }) => [`${family} ${start}`, `${family} ${end}`])).size === 1;
  if (!sides.every(isHost)) throw new NoAgreement(NotifyType.TS_UNACCEPTABLE, "transport mode is for one address at each end");
}

/**
 * What of the selectors lies between the two ends themselves, as they see each other: all that transport mode can carry, as packets have no
 * addresses but those that ESP goes by. Undefined: nothing; so it is where a NAT is between.
 */
export function betweenEnds({ localTs, remoteTs }: Selectors, { local, remote }: TransportAddresses): Selectors | undefined {
  const ends = { localTs: narrow(localTs, [hostSelector(local.address)]), remoteTs: narrow(remoteTs, [hostSelector(remote.address)]) };
  return ends.localTs.length > 0 && ends.remoteTs.length > 0 ? ends : undefined;
}

function hostSelector(address: string): TrafficSelector {
  const { family, value } = parseAddress(address);
  return { family, protocol: 0, ...ANY_PORTS, start: value, end: value };
}
