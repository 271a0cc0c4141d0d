/** What must be true of a host at any time once its workers have applied what they were sent, and of a pair when nothing is on its way. */
import assert from "node:assert/strict";
import type { CpuIndex } from "../../../src/ipsec/names.ts";
import type { Host } from "./host.ts";
import type { Pair } from "./pair.ts";

/** The entries of all CPUs, against the Child SAs that stand. */
export function checkEntries(host: Host): void {
  host.entries.applyAll();
  const { group, sas } = host;
  assert.equal(group.isEmpty, sas.size === 0, `${host.name}: members and standing SAs differ`);
  for (const { cpu } of group.view().cpus) {
    const { entry, armed } = host.entries.at(cpu);
    const at = `${host.name}, CPU ${cpu}: ${JSON.stringify(entry)}`;
    switch (entry.kind) {
      case "none":
        // Only a CPU that is to wait for its own SA, and may still get it, has nothing to send on.
        if (sas.size > 0) {
          assert.ok(host.config.onMissingSa === "hold" || host.config.onMissingSa === "drop", at);
          assert.ok(armed || isAskedFor(host, cpu), `${at}: waits for nothing`);
        }
        break;
      case "own": {
        const sa = sas.get(entry.sa);
        assert.ok(sa !== undefined, `${at}: no such SA`);
        assert.ok(sa.cpu === cpu && !sa.shared, `${at}: not its own`);
        break;
      }
      case "shared":
        assert.equal(sas.get(entry.sa)?.shared, true, `${at}: not for all CPUs`);
        break;
      case "stub":
        assert.deepEqual(host.entries.at(entry.owner).entry, { kind: "own", sa: entry.sa }, `${at}: its owner has no such SA`);
        break;
    }
    if (armed) assert.notEqual(group.mode, "single", `${at}: asks for what it cannot get`);
    assert.deepEqual(group.view().cpus.find((one) => one.cpu === cpu)?.entry, entry, `${at}: the group believes otherwise`);
  }
}

function isAskedFor({ group, acquires }: Host, cpu: CpuIndex): boolean {
  const why = group.view().cpus.find((one) => one.cpu === cpu)?.why;
  return acquires.includes(cpu) || why === "asked for" || why === "waits for its turn to ask";
}

/** With nothing on its way: both ends have the same Child SAs, agree about the mode, and have nothing left that waits for an answer. */
export function checkAgreement({ left, right }: Pair): void {
  const pairs = (of: Host): string[] => [...of.sas.values()].map(({ id, peerSpi }) => `${id}-${peerSpi}`).sort();
  const reversed = [...right.sas.values()].map(({ id, peerSpi }) => `${peerSpi}-${id}`).sort();
  assert.deepEqual(pairs(left), reversed, "the two ends have different Child SAs");
  for (const host of [left, right]) {
    checkEntries(host);
    const members = host.group.view().members;
    assert.deepEqual(new Set(members.map(({ sa }) => sa)), new Set(host.sas.keys()));
    assert.ok(members.every(({ confirmed }) => confirmed));
    for (const { why } of host.group.view().cpus) assert.ok(why !== "asked for" && why !== "waits for its turn to ask");
  }
  const isNegotiated = left.config.scheme === right.config.scheme && left.config.scheme !== "stub";
  if (isNegotiated) assert.equal(left.group.mode, right.group.mode, "the two ends disagree about the mode");
}
