/** Every scheme against every other, and against an end that knows of none: a working tunnel, and the degradation named. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GroupConfig } from "../../src/multisa/config.ts";
import type { GroupMode } from "../../src/multisa/events.ts";
import { cpu, cpus } from "./harness/build.ts";
import type { End } from "./simulation/end.ts";
import { BAD } from "./simulation/network.ts";
import { Pair } from "./simulation/pair.ts";

type Kind = "rfc9611" | "cpu-queues" | "stub" | "unaware";

const KINDS: readonly Kind[] = ["rfc9611", "cpu-queues", "stub", "unaware"];
const CPUS = 4;

const configOf = (kind: Kind): Partial<GroupConfig> =>
  kind === "unaware" ? { perCpuSas: false, cpus: cpus(CPUS) } : { scheme: kind, cpus: cpus(CPUS) };

/** The mode of an end of this kind with such a peer: stub asks nobody, the others need the same on the other side. */
function expectedMode(kind: Kind, peer: Kind): GroupMode {
  if (kind === "unaware") return "single";
  return kind === "stub" || kind === peer ? "per-cpu" : "single";
}

/** What the operator reads when the scheme that is configured is not what runs. */
function expectedReason(kind: Kind, peer: Kind): RegExp | undefined {
  if (expectedMode(kind, peer) === "per-cpu") return undefined;
  if (kind === "unaware") return /per_cpu_sas is off/;
  const notify = kind === "rfc9611" ? "SA_RESOURCE_INFO" : "CPU_QUEUES";
  return new RegExp(`peer did not (answer|send) ${notify}|peer speaks the scheme ${peer}`);
}

function checkEveryCpuSends(pair: Pair): void {
  for (const end of pair.ends) {
    for (const worker of end.workers.all) {
      const fate = pair.send(end.side, worker.cpu);
      assert.ok(typeof fate === "object" && fate.hops <= 1, `${end.side}: CPU ${worker.cpu}: ${JSON.stringify(fate)}`);
    }
  }
}

function checkMode(end: End, kind: Kind, peer: Kind): void {
  const { mode, reason } = end.group.view();
  assert.equal(mode, expectedMode(kind, peer), `${end.side}: ${reason}`);
  const expected = expectedReason(kind, peer);
  if (expected === undefined) assert.equal(reason, undefined);
  else assert.match(reason ?? "", expected);
  assert.ok(end.reports.length > 0 && end.reports[0]?.startsWith("mode: ") === true, `${end.side} reports its mode`);
}

for (const left of KINDS) {
  for (const right of KINDS) {
    test(`${left} initiates to ${right}`, () => {
      const pair = new Pair({ left: configOf(left), right: configOf(right) });
      pair.left.initiate(cpu(0));
      pair.settle();
      checkMode(pair.left, left, right);
      checkMode(pair.right, right, left);
      pair.sendEverywhere();
      checkEveryCpuSends(pair);

      const asks = expectedMode(left, right) === "per-cpu" || expectedMode(right, left) === "per-cpu";
      assert.equal(pair.left.live.length > 1, asks, "more than one SA only where somebody runs a scheme");

      for (const end of pair.ends) for (const sa of end.live) end.rekey(sa);
      pair.settle();
      checkMode(pair.left, left, right);
      checkMode(pair.right, right, left);
      checkEveryCpuSends(pair);
    });

    test(`${left} and ${right} initiate at once, over a bad network`, () => {
      for (let seed = 1; seed <= 10; seed++) {
        const pair = new Pair({ left: configOf(left), right: configOf(right), conditions: BAD, seed });
        for (const end of pair.ends) end.initiate(cpu(0));
        pair.settle();
        checkMode(pair.left, left, right);
        checkMode(pair.right, right, left);
        pair.sendEverywhere();
        checkEveryCpuSends(pair);
      }
    });
  }
}
