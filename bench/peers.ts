/** `peers`: the same TCP test through Hawser and through the user-space tunnels that it is held against, in turn. */
import { allowedCpus } from "../src/host/linux/affinity.ts";
import type { BenchContext } from "./benchmark.ts";
import { withHawser } from "./lab/hawser-pair.ts";
import { withHosts } from "./lab/hosts.ts";
import type { HostPair } from "./lab/hosts.ts";
import { measureTcp, requireIperf } from "./lab/iperf.ts";
import { ratio, summarize } from "./measure.ts";
import { PeerRoot } from "./peers/chroot.ts";
import { OPENVPN } from "./peers/openvpn.ts";
import type { Peer } from "./peers/peer.ts";
import { STRONGSWAN } from "./peers/strongswan.ts";
import { WIREGUARD_GO } from "./peers/wireguard-go.ts";
import type { Row } from "./report.ts";
import { reach } from "./report.ts";

const PEERS: readonly Peer[] = [WIREGUARD_GO, STRONGSWAN, OPENVPN];
const MOST_TURNS = 3;

interface Laid {
  readonly peer: Peer;
  readonly version: string;
  readonly hosts: HostPair;
  readonly gigabits: number[];
}

export async function benchPeers(context: BenchContext): Promise<Row[]> {
  requireIperf();
  return withHosts("hawser", (hosts) => {
    const workers = allowedCpus().length;
    return withHawser(hosts, { workers, perCpuSas: true }, async () => {
      const root = PeerRoot.unpack();
      return withPeers(PEERS, root, context, [], (laid) => measure(context, hosts, laid));
    });
  });
}

/** Lays every tunnel that can be laid, one inside the other, so that each is cleared away whatever happens to the rest. */
async function withPeers(
  [peer, ...rest]: readonly Peer[],
  root: PeerRoot,
  context: BenchContext,
  laid: readonly Laid[],
  use: (laid: readonly Laid[]) => Promise<Row[]>,
): Promise<Row[]> {
  if (peer === undefined) return use(laid);
  return withHosts(peer.name, async (hosts) => {
    let one: readonly Laid[] = [];
    try {
      one = [{ peer, version: (await peer.lay(hosts, root)).version, hosts, gigabits: [] }];
    } catch (error) {
      context.skip(`peers: ${peer.name}`, error instanceof Error ? error.message : String(error));
    }
    return withPeers(rest, root, context, [...laid, ...one], use);
  });
}

async function measure({ turns, seconds, say }: BenchContext, hosts: HostPair, laid: readonly Laid[]): Promise<Row[]> {
  const [veth, own]: [number[], number[]] = [[], []];
  for (let turn = 1; turn <= Math.min(turns, MOST_TURNS); turn++) {
    say(`peers: turn ${turn}`);
    veth.push(await measureTcp(hosts, hosts[1].plainAddress, 1, seconds));
    own.push(await measureTcp(hosts, hosts[1].innerAddress, 1, seconds));
    for (const one of laid) one.gigabits.push(await measureTcp(one.hosts, one.hosts[1].innerAddress, 1, seconds));
  }
  const common = { bench: "peers", unit: "Gbit/s" };
  return [
    { ...common, name: "TCP, 1 stream, plain veth", value: summarize(veth) },
    { ...common, name: "TCP, 1 stream, Hawser", value: summarize(own), floor: "plain veth", ratio: ratio(own, veth) },
    ...laid.flatMap(({ peer, version, gigabits }): Row[] => {
      const times = ratio(own, gigabits);
      const aim = peer.aim === undefined ? {} : { reach: reach("at least", peer.aim, times.median) };
      return [
        { ...common, name: `TCP, 1 stream, ${peer.name}`, value: summarize(gigabits), note: version },
        { ...common, name: `TCP, 1 stream, Hawser against ${peer.name}`, value: summarize(own), floor: peer.name, ratio: times, ...aim },
      ];
    }),
  ];
}
