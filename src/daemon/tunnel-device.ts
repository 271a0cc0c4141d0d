/** The TUN device as the workers and the routing table need it. */
import { steerQueues } from "../host/linux/bpf.ts";
import type { DispatchResult } from "../host/linux/bpf.ts";
import { close } from "../host/linux/libc.ts";
import type { Network } from "../host/linux/network.ts";
import { openTun } from "../host/linux/tun.ts";
import type { TunDevice } from "../host/linux/tun.ts";
import type { ConnectionConfig } from "../ike/config.ts";
import type { Encapsulation } from "../ipsec/sadb.ts";
import type { TunConfig } from "./config/config.ts";
import { isPlainAddress } from "./config/addresses.ts";
import { tunnelMtu } from "./tunnel-mtu.ts";

/** Packets: 500, the kernel's default, is less than one socket's burst of small ones. */
const QUEUE_LENGTH = 4096;

export class TunnelDevice {
  readonly name: string;
  readonly mtu: number;
  readonly dispatch: DispatchResult;
  /** One per worker. */
  readonly fds: readonly number[];
  readonly offloads: TunDevice["offloads"];

  private constructor(device: TunDevice, mtu: number, dispatch: DispatchResult) {
    this.name = device.name;
    this.mtu = mtu;
    this.dispatch = dispatch;
    this.fds = device.fds;
    this.offloads = device.offloads;
  }

  /**
   * Makes the device, gives it its addresses and brings it up.
   *
   * @param cpus the CPU that each worker is pinned to
   * @throws SystemCallError or IpCommandError, and leaves nothing behind
   */
  static open(config: TunConfig, mtu: number, cpus: readonly number[], network: Network): TunnelDevice {
    const device = openTun({ name: config.name, queues: cpus.length, offloads: true });
    try {
      const dispatch = steerQueues(device.fds[0] as number, config.dispatch, cpus);
      // Who solicits routers on it gets no answer, only drops: no policy protects link-local multicast.
      network.withoutLinkLocal(device.name);
      network.setQueueLength(device.name, QUEUE_LENGTH);
      network.linkUp(device.name, mtu);
      for (const { address, prefixLength } of config.addresses) network.addAddress(device.name, `${address}/${prefixLength}`);
      return new TunnelDevice(device, mtu, dispatch);
    } catch (error) {
      for (const fd of device.fds) close(fd);
      throw error;
    }
  }

  /** The device goes with its last queue, and its addresses and routes with it. The workers must have ended. */
  close(): void {
    for (const fd of this.fds) close(fd);
  }
}

/** Octets: nothing beyond jumbo frames is worth it by default, not even over the loopback device. */
const LARGEST_DEFAULT_MTU = 9000;

/**
 * What the outer devices leave for inner packets, the narrowest of them: those on the way to the peers that are configured, and for peers from
 * anywhere those that have our own addresses.
 *
 * @param addresses of this host, that IKE and ESP use
 */
export function mtuFromOuterDevices(network: Network, connections: readonly ConnectionConfig[], addresses: readonly string[]): number {
  const peers = connections.map(({ remoteAddrs, encap }) => ({
    known: remoteAddrs.filter(isPlainAddress),
    encapsulation: hopedFor(encap),
  }));
  const paths = peers.flatMap(({ known, encapsulation }) =>
    known.flatMap((address) => {
      const device = outerDevice(network, address);
      return device === undefined ? [] : [{ device, address, encapsulation }];
    }),
  );
  if (paths.length === 0 || peers.some(({ known }) => known.length === 0)) {
    const encapsulation = hopedFor(connections.some(({ encap }) => encap));
    for (const { device, address } of network.addresses()) if (addresses.includes(address)) paths.push({ device, address, encapsulation });
  }
  const mtus = paths.map(({ device, address, encapsulation }) =>
    tunnelMtu(network.mtuOf(device), address.includes(":") ? 6 : 4, encapsulation),
  );
  return Math.min(LARGEST_DEFAULT_MTU, ...mtus);
}

/** Where a NAT turns out to be between, the routes are told the smaller MTU then (path-mtu.ts). */
const hopedFor = (encap: boolean): Encapsulation => (encap ? "udp" : "none");

/** undefined while there is no way to the peer: it may come later, and its path's MTU is looked at then. */
function outerDevice(network: Network, peer: string): string | undefined {
  try {
    return network.pathTo(peer).device;
  } catch {
    return undefined;
  }
}
