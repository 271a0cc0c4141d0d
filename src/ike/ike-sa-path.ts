/** Where an IKE SA and its Child SAs are: following the peer, and going elsewhere ourselves (RFC 7296 §2.23, RFC 4555). */
import type { Encapsulation } from "../ipsec/sadb.ts";
import { sameSocketAddress, type TransportAddresses } from "./addresses.ts";
import { espPathOf } from "./esp-path.ts";
import type { ChildSa } from "./child-sa.ts";
import type { ConnectionConfig } from "./config.ts";
import type { IkeSaRef } from "./events.ts";
import type { IkeSaStateName } from "./ike-sa-state.ts";
import type { Mobike } from "./mobike.ts";
import type { NatSituation } from "./nat-detection.ts";
import type { Services } from "./services.ts";

/** An IKE SA, as far as it is somewhere. */
interface Located {
  readonly ref: IkeSaRef;
  readonly state: { readonly kind: IkeSaStateName };
  readonly isEstablished: boolean;
  readonly config: Pick<ConnectionConfig, "encap"> | undefined;
  readonly nat: NatSituation;
  readonly mobike: Mobike | undefined;
  readonly services: Services;
  readonly exchanger: { repeatOutstanding(now: number): void };
  readonly children: ReadonlyMap<unknown, ChildSa>;
  addresses: TransportAddresses;
  encapsulation: Encapsulation | undefined;
  lastSentAt: number;
}

/** A NAT may give the peer another address: follow it, but only for authenticated messages that are not repetitions (RFC 7296 §2.23). */
export function followPeer(ikeSa: Located, path: TransportAddresses, now: number): void {
  // RFC 4555 §3.8: IKE messages move nobody by themselves, so that other paths can be tried with them. ESP still does.
  if (ikeSa.mobike !== undefined) return;
  const isFirst = ikeSa.state.kind === "HALF_OPEN";
  const mayMove = isFirst || (ikeSa.nat.there && !ikeSa.nat.here);
  if (!mayMove || sameSocketAddress(path.remote, ikeSa.addresses.remote)) {
    // IKE_AUTH comes in by port 4500 when the initiator has floated there.
    if (isFirst) ikeSa.addresses = path;
    return;
  }
  moveTo(ikeSa, { local: isFirst ? path.local : ikeSa.addresses.local, remote: path.remote }, now);
}

/** From here on IKE and ESP go to and from these addresses, on all Child SAs. What changes nothing is no news: each worker reports a move. */
export function moveTo(ikeSa: Located, addresses: TransportAddresses, now: number): void {
  if (changeAddresses(ikeSa, addresses, now)) moveChildren(ikeSa);
}

/** IKE alone; {@link moveChildren} is to follow. Says whether that changed anything. */
export function changeAddresses(ikeSa: Located, addresses: TransportAddresses, now: number): boolean {
  const from = ikeSa.addresses;
  const [isSameLocal, isSameRemote] = [sameSocketAddress(addresses.local, from.local), sameSocketAddress(addresses.remote, from.remote)];
  if (isSameLocal && isSameRemote) return false;
  ikeSa.addresses = addresses;
  ikeSa.lastSentAt = now;
  // Requests, or the answers to them, may have gone to where nobody is any more.
  ikeSa.exchanger.repeatOutstanding(now);
  if (!ikeSa.isEstablished) return true;
  const { outputs } = ikeSa.services;
  const { local, remote } = addresses;
  if (!isSameRemote) outputs.event({ kind: "peerMoved", sa: ikeSa.ref, from: from.remote, to: remote, local });
  if (!isSameLocal) outputs.event({ kind: "localMoved", sa: ikeSa.ref, from: from.local, to: local, remote });
  return true;
}

export function moveChildren(ikeSa: Located): void {
  if (!ikeSa.isEstablished) return;
  const path = espPathOf(ikeSa);
  if (ikeSa.encapsulation !== path.encapsulation) ikeSa.services.outputs.event({ kind: "encapsulation", sa: ikeSa.ref, ...path });
  ikeSa.encapsulation = path.encapsulation;
  for (const child of ikeSa.children.values()) child.moveTo(path);
}
