/** `tunnel`: two daemons on two hosts, with an SA for each CPU and with one for all, beside the same cable without a tunnel, in turn. */
import { allowedCpus } from "../src/host/linux/affinity.ts";
import type { BenchContext } from "./benchmark.ts";
import { withHawser } from "./lab/hawser-pair.ts";
import { withHosts } from "./lab/hosts.ts";
import type { HostPair } from "./lab/hosts.ts";
import { measureTcp, measureUdp, requireIperf, underLoad } from "./lab/iperf.ts";
import { measureRoundTrip, requirePing } from "./lab/ping.ts";
import { ratio, summarize } from "./measure.ts";
import type { Row } from "./report.ts";
import { reach } from "./report.ts";

/** A turn here takes a minute; so many are enough for a spread. */
const MOST_TURNS = 3;
const TCP_AIM = 0.45;

type Way = "veth" | "own" | "one";
const WAYS: readonly Way[] = ["veth", "own", "one"];
const WAY_NAMES: Record<Way, string> = { veth: "plain veth", own: "per-CPU SAs", one: "one SA" };

interface Path {
  readonly hosts: HostPair;
  /** Address of the right host. */
  readonly to: string;
}

interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly measure: (path: Path, seconds: number) => Promise<number | undefined>;
  /** Part of plain veth that an SA for each CPU is to reach. */
  readonly aim?: number;
}

const THROUGHPUT: readonly Figure[] = [
  { name: "TCP, 1 stream", unit: "Gbit/s", measure: ({ hosts, to }, s) => measureTcp(hosts, to, 1, s), aim: TCP_AIM },
  { name: "TCP, 4 streams", unit: "Gbit/s", measure: ({ hosts, to }, s) => measureTcp(hosts, to, 4, s) },
  { name: "UDP, 64 octets", unit: "packets/s", measure: ({ hosts, to }, s) => measureUdp(hosts, to, 64, s / 2) },
  { name: "UDP, 1400 octets", unit: "packets/s", measure: ({ hosts, to }, s) => measureUdp(hosts, to, 1400, s / 2) },
];
const ROUND_TRIPS = ["idle p50", "idle p99", "loaded p50", "loaded p99"] as const;
type RoundTripName = (typeof ROUND_TRIPS)[number];

type Series = Record<Way, number[]>;
const series = (): Series => ({ veth: [], own: [], one: [] });

export async function benchTunnel(context: BenchContext): Promise<Row[]> {
  requireIperf();
  requirePing();
  const workers = allowedCpus().length;
  return withHosts("own", (own) =>
    withHosts("one", (one) =>
      withHawser(own, { workers, perCpuSas: true }, () =>
        withHawser(one, { workers, perCpuSas: false }, () =>
          measure(context, {
            veth: { hosts: own, to: own[1].plainAddress },
            own: { hosts: own, to: own[1].innerAddress },
            one: { hosts: one, to: one[1].innerAddress },
          }),
        ),
      ),
    ),
  );
}

async function measure({ turns, seconds, say, skip }: BenchContext, paths: Record<Way, Path>): Promise<Row[]> {
  const throughput = new Map(THROUGHPUT.map((figure) => [figure, series()]));
  const roundTrips = new Map<RoundTripName, Series>(ROUND_TRIPS.map((name) => [name, series()]));
  for (let turn = 1; turn <= Math.min(turns, MOST_TURNS); turn++) {
    for (const [figure, values] of throughput) {
      say(`tunnel: turn ${turn}: ${figure.name}`);
      for (const way of WAYS) values[way].push((await figure.measure(paths[way], seconds)) ?? NaN);
    }
    say(`tunnel: turn ${turn}: round trips`);
    for (const way of WAYS) {
      const { hosts, to } = paths[way];
      const idle = await measureRoundTrip(hosts, to, seconds / 2);
      const loaded = await underLoad(hosts, to, seconds, () => measureRoundTrip(hosts, to, seconds / 2));
      const all = { "idle p50": idle.p50, "idle p99": idle.p99, "loaded p50": loaded.p50, "loaded p99": loaded.p99 };
      for (const name of ROUND_TRIPS) roundTrips.get(name)?.[way].push(all[name]);
    }
  }
  return [
    ...[...throughput].flatMap(([figure, values]) => throughputRows(figure, values, skip)),
    ...[...roundTrips].flatMap(([name, values]) => roundTripRows(name, values, roundTrips.get("idle p99"))),
  ];
}

/** A turn without a figure for both parts counts for neither. */
function throughputRows({ name, unit, aim }: Figure, values: Series, skip: BenchContext["skip"]): Row[] {
  return WAYS.flatMap((way) => {
    const isComplete = (turn: number): boolean => Number.isFinite(values[way][turn]) && Number.isFinite(values.veth[turn]);
    const [own, veth] = [values[way], values.veth].map((series) => series.filter((_, turn) => isComplete(turn)));
    if (own === undefined || veth === undefined || own.length === 0) {
      skip(`tunnel: ${name}, ${WAY_NAMES[way]}`, "No turn had a rate with less than 0.1 % lost here and on plain veth.");
      return [];
    }
    const row = { bench: "tunnel", name: `${name}, ${WAY_NAMES[way]}`, unit, value: summarize(own) };
    if (way === "veth") return [row];
    const against = ratio(own, veth);
    const met = aim === undefined || way !== "own" ? {} : { reach: reach("at least", aim, against.median) };
    return [{ ...row, floor: "plain veth", ratio: against, ...met }];
  });
}

/** Under load the slowest hundredth may take twice what it takes idle, and a millisecond of queueing. */
function roundTripRows(name: RoundTripName, values: Series, idleP99: Series | undefined): Row[] {
  return WAYS.map((way) => {
    const value = summarize(values[way]);
    const row = { bench: "tunnel", name: `ping, ${name}, ${WAY_NAMES[way]}`, unit: "ms", value };
    if (way === "veth" || name !== "loaded p99" || idleP99 === undefined) return row;
    return { ...row, reach: reach("at most", 2 * summarize(idleP99[way]).median + 1, value.median), note: "2 × idle p99 + 1 ms" };
  });
}
