/** Where the ESP of an IKE SA's Child SAs goes, and in what (RFC 7296 §2.23). */
import type { Encapsulation } from "../ipsec/sadb.ts";
import { sameSocketAddress, type TransportAddresses } from "./addresses.ts";
import type { ConnectionConfig, EndpointConfig } from "./config.ts";
import type { Mobike } from "./mobike.ts";
import type { NatSituation } from "./nat-detection.ts";

export interface EspPath extends TransportAddresses {
  readonly encapsulation: Encapsulation;
}

/** What an IKE SA knows that decides. */
interface Circumstances {
  readonly addresses: TransportAddresses;
  readonly nat: NatSituation;
  readonly mobike: Pick<Mobike, "isUpdating" | "isUpdatePending"> | undefined;
  readonly config: Pick<ConnectionConfig, "encap"> | undefined;
  readonly services: { readonly config: Pick<EndpointConfig, "ikePort"> };
}

/**
 * In UDP where a NAT is between, and where the connection wants it so; else as it is. While the peer has not told what it sees of addresses that
 * we have just gone to, UDP gets through in any case, and the peer takes either.
 */
export function espPathOf({ addresses, nat, mobike, config, services }: Circumstances): EspPath {
  // Nothing is put into UDP on port 500; a peer that has stayed there, or knows no NAT traversal, could not tell it from IKE.
  const knowsUdp = nat.supported && addresses.local.port !== services.config.ikePort;
  const isUnknown = mobike !== undefined && (mobike.isUpdating || mobike.isUpdatePending);
  const wantsUdp = config?.encap === true || nat.here || nat.there || isUnknown;
  return { ...addresses, encapsulation: knowsUdp && wantsUdp ? "udp" : "none" };
}

/** Whether IKE goes over to the port of NAT traversal after IKE_SA_INIT: for a NAT, for ESP in UDP, and always with MOBIKE (RFC 4555 §3.3). */
export function mustFloat(nat: NatSituation, { encap, mobike }: Pick<ConnectionConfig, "encap" | "mobike">): boolean {
  return nat.supported && (nat.here || nat.there || encap || mobike);
}

export function sameEspPath(a: EspPath, b: EspPath): boolean {
  return a.encapsulation === b.encapsulation && sameSocketAddress(a.local, b.local) && sameSocketAddress(a.remote, b.remote);
}
