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
  const present = host.filter(({ scope }) => scope !== "link").map(({ address, scope }) => ({ address: canonical(address), scope }));
  const wanted = new Set<string>();
  for (const { name, localAddrs } of connections) {
    const found = present.filter(
      ({ address, scope }) =>
        matchesAddress(
          localAddrs.filter((pattern) => pattern !== "%any"),
          address,
        ) ||
        (localAddrs.includes("%any") && scope === "global"),
    );
    for (const { address } of found) wanted.add(address);
    const absent = localAddrs.filter((pattern) => isPlainAddress(pattern) && !found.some(({ address }) => address === canonical(pattern)));
    if (absent.length > 0 || found.length === 0) {
      const names = absent.length > 0 ? absent.join(", ") : localAddrs.join(", ");
      throw new Failure(
        ExitCode.USAGE,
        `connections.${name}.local_addrs names ${names}, but this host has only ${present.map(({ address }) => address).join(", ") || "no address"}.`,
      );
    }
  }
  return present.map(({ address }) => address).filter((address, index, all) => wanted.has(address) && all.indexOf(address) === index);
}

function canonical(text: string): string {
  const { family, value } = parseAddress(text);
  return formatAddress(family, value);
}
