/**
 * The numbers of the debate on the real data plane: each scheme with each `on_missing_sa`, under an application whose thread moves to another CPU ten
 * times a second, at an even pace. Every turn begins with one Child SA, so that each move at first meets a CPU without its own.
 */
import type { DaemonStatus } from "../src/daemon/status.ts";
import type { OnMissingSa } from "../src/ipsec/sadb.ts";
import type { SchemeName } from "../src/multisa/scheme.ts";
import { migrateTogether, type MigrationResult } from "../test/support/migration/run.ts";
import { TwoDaemons } from "../test/support/two-daemons.ts";
import { NotMeasurable, type BenchContext } from "./benchmark.ts";
import { measureTcp, requireIperf } from "./lab/iperf.ts";
import { summarize } from "./measure.ts";
import { reach, type Row } from "./report.ts";

const SCHEMES: readonly SchemeName[] = ["rfc9611", "cpu-queues", "stub"];
const POLICIES: readonly OnMissingSa[] = ["resteer", "shared", "hold", "drop"];
/** Records of 1200 octets a second: a steady load that leaves room for everything else on two CPUs. */
const RATE = 2000;
/** Milliseconds between two moves. */
const MOVE_EVERY = 100;

/** A turn is twelve tunnels: one of them is worth a minute, two make a spread. */
const MOST_TURNS = 2;
const LONGEST_STALL = 50;

interface Turn {
  readonly tunnel: MigrationResult;
  /** The same over the plain cable, at the same time. */
  readonly plain: MigrationResult;
  /** Gbit/s of one TCP stream, wherever the scheduler puts its ends. */
  readonly throughput: number;
  /** Of the sending end, after the migrating application and before that stream. */
  readonly sender: DaemonStatus;
}

interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly of: (turn: Turn) => number;
  /** At most; for the policies that promise not to let a packet wait. */
  readonly aim?: number;
}

/**
 * Writes into a SAD by a thread that does not own it are no figure here: a worker's SAD is changed by that worker's own loop alone, on a message
 * (src/dataplane/worker/apply-sadb.ts), so there is nothing to count.
 */
const FIGURES: readonly Figure[] = [
  { what: "lost", unit: "packets", of: ({ tunnel }) => tunnel.lost, aim: 0 },
  { what: "longest stall", unit: "ms", of: ({ tunnel, plain }) => tunnel.delay.max - plain.delay.max, aim: LONGEST_STALL },
  { what: "added latency", unit: "ms", of: ({ tunnel, plain }) => tunnel.delay.p50 - plain.delay.p50 },
  { what: "reordered", unit: "packets", of: ({ tunnel }) => tunnel.reordered },
  { what: "created", unit: "SAs", of: ({ sender }) => sender.endpoint.childSas.length },
  {
    what: "handed on",
    unit: "packets",
    of: ({ sender }) => sender.dataPlane.perWorker.reduce((sum, { resteeredTo }) => sum + resteeredTo, 0),
  },
  { what: "TCP, 1 stream", unit: "Gbit/s", of: ({ throughput }) => throughput },
];
const WITHOUT_DELAY: readonly OnMissingSa[] = ["resteer", "shared"];

/** Nothing expires or idles out in a turn, so that the SAs at its end are those that were created. Needs root and iperf3. */
export async function benchSchemes({ turns, seconds, say }: BenchContext): Promise<Row[]> {
  if (process.getuid?.() !== 0) throw new NotMeasurable("It needs root: it makes network namespaces and TUN devices.");
  requireIperf();
  const results = new Map<readonly [SchemeName, OnMissingSa], Turn[]>(
    SCHEMES.flatMap((scheme) => POLICIES.map((policy) => [[scheme, policy], []])),
  );
  for (let turn = 1; turn <= Math.min(turns, MOST_TURNS); turn++) {
    for (const [[scheme, onMissingSa], taken] of results) {
      say(`schemes: turn ${turn}: ${scheme}, ${onMissingSa}`);
      taken.push(await runTurn(scheme, onMissingSa, seconds));
    }
  }
  return [...results].flatMap(([[scheme, onMissingSa], taken]) =>
    FIGURES.map(({ what, unit, of, aim }) => {
      const row = { bench: "schemes", name: `${scheme}, ${onMissingSa}: ${what}`, unit, value: summarize(taken.map(of)) };
      return aim === undefined || !WITHOUT_DELAY.includes(onMissingSa) ? row : { ...row, reach: reach("at most", aim, row.value.max) };
    }),
  );
}

async function runTurn(scheme: SchemeName, onMissingSa: OnMissingSa, seconds: number): Promise<Turn> {
  const child = { per_cpu_sas: "yes", multi_sa_scheme: scheme, on_missing_sa: onMissingSa };
  const daemons = await TwoDaemons.start("hwsc-bench-", { left: { child }, right: { child } });
  try {
    const { left, right } = daemons;
    const route = { transport: "udp", from: left.host.namespace, to: right.host.namespace } as const;
    const routes = [
      { ...route, address: right.host.innerAddress, port: 7300 },
      { ...route, address: right.host.plainAddress, port: 7301 },
    ];
    const [tunnel, plain] = await migrateTogether(routes, { seconds, rate: RATE, moveEvery: MOVE_EVERY });
    if (tunnel === undefined || plain === undefined) throw new Error("a migrating application has no result");
    const sender = await left.status();
    const throughput = await measureTcp([left.host, right.host], right.host.innerAddress, 1, seconds / 2);
    return { tunnel, plain, throughput, sender };
  } finally {
    await daemons.stop();
  }
}
