/**
 * Applications whose threads move between CPUs every 100 ms, while Child SAs are created, rekeyed, idled out and deleted at random from both ends.
 * HAWSER_CHURN_SECONDS: how long in each scheme (default 5; 60 for a thorough run).
 */
import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, test, type TestContext } from "node:test";
import type { OnMissingSa } from "../../src/ipsec/sadb.ts";
import type { SchemeName } from "../../src/multisa/scheme.ts";
import { churn } from "../support/churn.ts";
import { migrateTogether } from "../support/migration/run.ts";
import { TwoDaemons } from "../support/two-daemons.ts";

const SECONDS = Number(process.env["HAWSER_CHURN_SECONDS"] ?? 5);
const SEED = Number(process.env["HAWSER_CHURN_SEED"] ?? 1);
/**
 * Milliseconds by which no record may be later than on the plain cable. This finds a wake-up that got lost and packets that wait for a timer, on the
 * busiest machine; how short the stalls are is measured by `npm run bench -- --only schemes`.
 */
const LONGEST_STALL = 1000;

const isRoot = process.getuid?.() === 0;
const skip = !isRoot ? "needs root: it makes network namespaces" : availableParallelism() < 2 ? "needs two CPUs to move between" : false;

/** Park and Miller's generator. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 0x7fffffff) / 0x7fffffff;
}

async function runUnderChurn(context: TestContext, scheme: SchemeName, onMissingSa: OnMissingSa): Promise<void> {
  const child = { per_cpu_sas: "yes", multi_sa_scheme: scheme, on_missing_sa: onMissingSa, idle_timeout: "1s" };
  const daemons = await TwoDaemons.start("hwsc-churn-", { left: { child }, right: { child } });
  try {
    const { left, right } = daemons;
    const [there, back] = [
      { from: left.host.namespace, to: right.host.namespace, address: right.host.innerAddress },
      { from: right.host.namespace, to: left.host.namespace, address: left.host.innerAddress },
    ];
    const pace = { seconds: SECONDS, rate: 500, moveEvery: 100 };
    const traffic = migrateTogether(
      [
        { ...there, transport: "tcp", port: 7200 },
        { ...there, transport: "udp", port: 7201 },
        { ...back, transport: "udp", port: 7202 },
        // What the machine itself costs in the same moments.
        { ...there, address: right.host.plainAddress, transport: "tcp", port: 7203 },
      ],
      pace,
    );
    const churned = await churn(daemons, traffic, 100, seededRandom(SEED));
    const results = await traffic;
    const [stream] = results;
    const plain = results.at(-1);
    const datagrams = results.slice(1, -1);
    assert.ok(stream !== undefined && plain !== undefined);
    const statuses = await daemons.statuses();
    const drops = statuses.map(({ dataPlane }) => dataPlane.drops);
    const seen = JSON.stringify({ churned, stream, datagrams, plain, drops });
    assert.ok(churned.rekeyed > 0 && churned.deleted > 0, `it was eventful: ${seen}`);
    assert.deepEqual(drops, [{}, {}], seen);
    for (const { sent, lost } of [stream, ...datagrams]) assert.ok(sent > 0 && lost === 0, `packets were lost: ${seen}`);
    const stall = stream.delay.max - plain.delay.max;
    context.diagnostic(`longest stall ${stall.toFixed(1)} ms, ${churned.rekeyed} SAs rekeyed, ${churned.deleted} deleted`);
    assert.ok(stall <= LONGEST_STALL, `stalled for ${stall.toFixed(1)} ms: ${seen}\n${daemons.logs()}`);
    for (const { endpoint } of statuses) {
      assert.equal(endpoint.ikeSas.length, 1);
      for (const { cpus, members } of endpoint.groups) {
        for (const { cpu, sa } of cpus) assert.ok(sa === undefined || members.includes(sa), `CPU ${cpu} points at an SA that is gone`);
      }
    }
  } finally {
    assert.deepEqual(await daemons.stop(), [0, 0]);
  }
}

describe("a migrating application under churn", { skip, concurrency: false }, () => {
  for (const scheme of ["rfc9611", "cpu-queues", "stub"] as const) {
    for (const onMissingSa of ["resteer", "shared"] as const) {
      test(`${scheme}, ${onMissingSa}: no packet lost, none stuck`, (context) => runUnderChurn(context, scheme, onMissingSa));
    }
  }
});
