/** Which addresses of this host IKE and ESP use. */
import type { InterfaceAddress } from "../host/linux/network.ts";
import type { ConnectionConfig } from "../ike/config.ts";
import { matchesAddress } from "../ike/addresses.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { isPlainAddress } from "./config/addresses.ts";
import { ExitCode, Failure } from "./exit-codes.ts";

/**
 * Addresses to bind, in canonical form and the host's order: those that a connection names, and for "%any" all that can be reached from
 * elsewhere (not loopback, not link-local).
 *
 * @throws Failure USAGE when a connection names an address, or a prefix, that the host does not have
 */
export function localAddresses(connections: readonly ConnectionConfig[], host: readonly InterfaceAddress[]): string[] {
  const present = usable(host);
  for (const { name, localAddrs } of connections) {
    const found = present.filter((address) => isFor(localAddrs, address)).map(({ address }) => address);
    const absent = localAddrs.filter((pattern) => isPlainAddress(pattern) && !found.includes(canonical(pattern)));
    if (absent.length > 0 || found.length === 0) {
      const names = absent.length > 0 ? absent.join(", ") : localAddrs.join(", ");
      throw new Failure(
        ExitCode.USAGE,
        `connections.${name}.local_addrs names ${names}, but this host has only ${present.map(({ address }) => address).join(", ") || "no address"}.`,
      );
    }
  }
  return presentAddresses(connections, host);
}

/** The same later on, when addresses come and go: those that are there. `host` without the TUN device's own. */
export function presentAddresses(connections: readonly ConnectionConfig[], host: readonly InterfaceAddress[]): string[] {
  const wanted = usable(host).filter((address) => connections.some(({ localAddrs }) => isFor(localAddrs, address)));
  return [...new Set(wanted.map(({ address }) => address))];
}

type UsableAddress = Pick<InterfaceAddress, "address" | "scope">;

function usable(host: readonly InterfaceAddress[]): UsableAddress[] {
  return host.filter(({ scope }) => scope !== "link").map(({ address, scope }) => ({ address: canonical(address), scope }));
}

function isFor(localAddrs: readonly string[], { address, scope }: UsableAddress): boolean {
  const named = localAddrs.filter((pattern) => pattern !== "%any");
  return matchesAddress(named, address) || (localAddrs.includes("%any") && scope === "global");
}

function canonical(text: string): string {
  const { family, value } = parseAddress(text);
  return formatAddress(family, value);
}
