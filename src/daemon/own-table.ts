/**
 * A routing table for what goes through the tunnel, which its own packets, IKE and ESP, do not look into: they carry a mark. So packets to a peer's
 * own address can be led into the TUN device (transport mode), and ESP to the very same address past it.
 */
import type { Network } from "../host/linux/network.ts";
import { isStrict } from "../host/linux/reverse-path-filter.ts";
import type { ConnectionConfig } from "../ike/config.ts";

/** "HW" in ASCII. The same for all daemons of a host: none of them tunnels another one's packets. */
const MARK = 0x4857;
/** Tables of daemons are this and the index of their TUN device. */
const FIRST_TABLE = 0x48570000;

/** A sentence for each device of these addresses that drops what comes by it from a peer, as the way back to the peer is the tunnel. */
export function warnOfStrictDevices(network: Network, addresses: readonly string[]): string[] {
  const devices = network
    .addresses()
    .flatMap(({ device, family, address }) => (family === 4 && addresses.includes(address) ? [device] : []));
  return [...new Set(devices)]
    .filter(isStrict)
    .map(
      (device) =>
        `${device} drops packets of peers in transport mode, as rp_filter is strict there: set net.ipv4.conf.${device}.rp_filter and net.ipv4.conf.all.rp_filter to 2 (loose) or 0.`,
    );
}

export interface OwnTable {
  readonly table: number;
  readonly mark: number;
}

/** The mark that sockets of IKE and ESP need; undefined where the main table does. */
export function markFor(connections: readonly ConnectionConfig[]): number | undefined {
  return connections.some(({ children }) => children.some(({ mode }) => mode === "transport")) ? MARK : undefined;
}

/** Makes the kernel look into the table, which is empty yet. @throws IpCommandError */
export function openOwnTable(network: Network, device: string): OwnTable {
  const own = { table: FIRST_TABLE + network.indexOf(device), mark: MARK };
  network.addRule(own);
  return own;
}

/**
 * Removes rules for tables whose TUN device is gone: a daemon that was killed has left them. They have done no harm, since the routes went with the
 * device. Returns what it removed.
 */
export function removeLeftTables(network: Network): OwnTable[] {
  const left = network.ownRules().filter(({ table }) => table > FIRST_TABLE);
  if (left.length === 0) return [];
  const indexes = new Set(network.deviceIndexes());
  const orphans = left.filter(({ table }) => !indexes.has(table - FIRST_TABLE));
  for (const own of orphans) network.deleteRule(own);
  return orphans;
}
