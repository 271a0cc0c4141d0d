/** What becomes of packets on a CPU whose own SA is not there yet, on the real data plane: each policy in each scheme. */
import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, test } from "node:test";
import type { DaemonStatus } from "../../src/daemon/status.ts";
import type { OnMissingSa } from "../../src/ipsec/sadb.ts";
import type { SchemeName } from "../../src/multisa/scheme.ts";
import { migrate, type MigrationResult } from "../support/migration/run.ts";
import { TwoDaemons } from "../support/two-daemons.ts";

const isRoot = process.getuid?.() === 0;
const skip = !isRoot ? "needs root: it makes network namespaces" : availableParallelism() < 2 ? "needs two CPUs to move between" : false;

/** Datagrams a second: so few that a bounded hold queue outlasts a handshake on a machine that has other things to do as well. */
const RATE = 250;

interface Outcome {
  readonly result: MigrationResult;
  readonly left: DaemonStatus;
}

/** A second of datagrams from a thread that moves ten times, beginning with one SA: at the first move a CPU has none of its own. */
async function runWith(scheme: SchemeName, onMissingSa: OnMissingSa): Promise<Outcome> {
  const child = { per_cpu_sas: "yes", multi_sa_scheme: scheme, on_missing_sa: onMissingSa };
  const daemons = await TwoDaemons.start("hwsc-missing-", { left: { child }, right: { child } });
  try {
    const { left, right } = daemons;
    const route = { from: left.host.namespace, to: right.host.namespace, address: right.host.innerAddress, port: 7100 };
    const result = await migrate({ ...route, transport: "udp" }, { seconds: 1, rate: RATE, moveEvery: 100 });
    return { result, left: await left.status() };
  } finally {
    assert.deepEqual(await daemons.stop(), [0, 0]);
  }
}

const sum = ({ dataPlane }: DaemonStatus, counter: "resteeredTo" | "heldPackets" | "acquires"): number =>
  dataPlane.perWorker.reduce((total, worker) => total + worker[counter], 0);

function assertNothingLost({ result, left }: Outcome): void {
  assert.ok(result.sent > 0);
  assert.equal(result.lost, 0);
  assert.deepEqual(left.dataPlane.drops, {});
}

describe("packets of a CPU without an SA of its own", { skip, concurrency: false }, () => {
  for (const scheme of ["rfc9611", "stub"] as const) {
    test(`${scheme}, resteer: sealed on another CPU, none lost`, async () => {
      const outcome = await runWith(scheme, "resteer");
      assertNothingLost(outcome);
      assert.ok(sum(outcome.left, "resteeredTo") > 0, "some were handed on");
    });
  }

  test("cpu-queues, resteer: the Fallback SA takes them, nothing is handed on", async () => {
    const outcome = await runWith("cpu-queues", "resteer");
    assertNothingLost(outcome);
    const fallback = outcome.left.endpoint.childSas.find(({ shared }) => shared);
    assert.ok(fallback !== undefined && fallback.packetsOut > 0);
    assert.equal(sum(outcome.left, "resteeredTo"), 0);
  });

  for (const scheme of ["rfc9611", "stub"] as const) {
    test(`${scheme}, shared: sealed on the SA for all CPUs, none lost`, async () => {
      const outcome = await runWith(scheme, "shared");
      assertNothingLost(outcome);
      const shared = outcome.left.endpoint.childSas.find((sa) => sa.shared);
      assert.ok(shared !== undefined && shared.packetsOut > 0);
      assert.equal(sum(outcome.left, "resteeredTo"), 0);
    });
  }

  for (const scheme of ["rfc9611", "cpu-queues", "stub"] as const) {
    test(`${scheme}, hold: they wait for the SA, then come in order`, async () => {
      const outcome = await runWith(scheme, "hold");
      assertNothingLost(outcome);
      assert.ok(sum(outcome.left, "heldPackets") > 0, "some waited");
      assert.equal(sum(outcome.left, "resteeredTo"), 0);
    });

    test(`${scheme}, drop: lost, and each of them counted by name`, async () => {
      const { result, left } = await runWith(scheme, "drop");
      assert.ok(sum(left, "acquires") > 0, "but the first of them asked");
      assert.ok(result.lost > 0);
      assert.deepEqual(left.dataPlane.drops, { OutNoStates: result.lost });
    });
  }
});
