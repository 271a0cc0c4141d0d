/**
 * The numbers of the debate on the real data plane: each scheme with each `on_missing_sa`, under an application whose thread moves to another CPU ten
 * times a second, at an even pace. Every turn begins with one Child SA, so that each move at first meets a CPU without its own.
 */
import type { DaemonStatus } from "../src/daemon/status.ts";
import type { OnMissingSa } from "../src/ipsec/sadb.ts";
import type { SchemeName } from "../src/multisa/scheme.ts";
import { migrate, type MigrationResult } from "../test/support/migration/run.ts";
import { TwoDaemons } from "../test/support/two-daemons.ts";
import { summarize } from "./measure.ts";
import type { Row } from "./report.ts";

const SCHEMES: readonly SchemeName[] = ["rfc9611", "cpu-queues", "stub"];
const POLICIES: readonly OnMissingSa[] = ["resteer", "shared", "hold", "drop"];
/** Records of 1200 octets a second: a steady load that leaves room for everything else on two CPUs. */
const RATE = 2000;
/** Milliseconds between two moves. */
const MOVE_EVERY = 100;

export interface SchemesOptions {
  readonly turns: number;
  /** Of sending in each turn. */
  readonly seconds: number;
  readonly say: (progress: string) => void;
}

interface Turn {
  readonly tunnel: MigrationResult;
  /** The same over the plain cable, right after. */
  readonly plain: MigrationResult;
  readonly status: DaemonStatus;
}

interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly of: (turn: Turn) => number;
}

/**
 * Writes into a SAD by a thread that does not own it are no figure here: a worker's SAD is changed by that worker's own loop alone, on a message
 * (src/dataplane/worker/apply-sadb.ts), so there is nothing to count.
 */
const FIGURES: readonly Figure[] = [
  { what: "packets lost", unit: "packets", of: ({ tunnel }) => tunnel.lost },
  { what: "longest stall beyond plain", unit: "ms", of: ({ tunnel, plain }) => tunnel.delay.max - plain.delay.max },
  { what: "added latency, median", unit: "ms", of: ({ tunnel, plain }) => tunnel.delay.p50 - plain.delay.p50 },
  { what: "reordered", unit: "packets", of: ({ tunnel }) => tunnel.reordered },
  { what: "SAs at the end", unit: "SAs", of: ({ status }) => status.endpoint.childSas.length },
  { what: "arrived", unit: "packets/s", of: ({ tunnel }) => (tunnel.received / tunnel.sent) * RATE },
];

/** Needs root. @throws Error with the daemons' logs when a tunnel does not come up */
export async function benchSchemes({ turns, seconds, say }: SchemesOptions): Promise<Row[]> {
  const results = new Map<string, Turn[]>();
  for (let turn = 0; turn < turns; turn++) {
    for (const scheme of SCHEMES) {
      for (const onMissingSa of POLICIES) {
        const name = `${scheme} ${onMissingSa}`;
        say(`schemes: ${name}, turn ${turn + 1} of ${turns}`);
        results.set(name, [...(results.get(name) ?? []), await runTurn(scheme, onMissingSa, seconds)]);
      }
    }
  }
  return [...results].flatMap(([name, taken]) =>
    FIGURES.map(({ what, unit, of }) => ({ bench: "schemes", name: `${name}: ${what}`, unit, value: summarize(taken.map(of)) })),
  );
}

async function runTurn(scheme: SchemeName, onMissingSa: OnMissingSa, seconds: number): Promise<Turn> {
  const child = { per_cpu_sas: "yes", multi_sa_scheme: scheme, on_missing_sa: onMissingSa };
  const daemons = await TwoDaemons.start("hwsc-bench-", { left: { child }, right: { child } });
  try {
    const { left, right } = daemons;
    const route = { transport: "udp", from: left.host.namespace, to: right.host.namespace } as const;
    const pace = { seconds, rate: RATE, moveEvery: MOVE_EVERY };
    const tunnel = await migrate({ ...route, address: right.host.innerAddress, port: 7300 }, pace);
    const plain = await migrate({ ...route, address: right.host.plainAddress, port: 7301 }, pace);
    return { tunnel, plain, status: await left.status() };
  } finally {
    await daemons.stop();
  }
}
