/**
 * What can happen to a pair, as fast-check commands. The model knows which end uses which CPUs, and what time it is; what a group may and must do is in
 * {@link AskingRules}, {@link checkEnd} and {@link checkAgreement}, which every command runs.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { cpuIndex } from "../../../src/ipsec/names.ts";
import { cpus } from "../harness/build.ts";
import type { Side } from "./network.ts";
import type { Pair } from "./pair.ts";

/** How many CPUs there may be at each end. */
export const MAX_CPUS = 4;

export interface Model {
  readonly used: Readonly<Record<Side, Set<number>>>;
  now: number;
}

export const newModel = (left: number, right: number): Model => ({
  used: { left: new Set(cpus(left)), right: new Set(cpus(right)) },
  now: 0,
});

type PairCommand = fc.Command<Model, Pair>;

/** `run` acts; the invariants are checked after it. */
function command(
  text: string,
  act: (model: Model, pair: Pair) => void,
  check: (model: Readonly<Model>) => boolean = () => true,
): PairCommand {
  return {
    check,
    run: (model, pair) => {
      act(model, pair);
      pair.check();
      for (const end of pair.ends) {
        const known = new Set(end.group.view().cpus.map(({ cpu }) => cpu as number));
        for (const cpu of model.used[end.side]) assert.ok(known.has(cpu), `${end.side}: CPU ${cpu} has no entry`);
      }
      assert.equal(pair.now, model.now);
    },
    toString: () => text,
  };
}

const side = fc.constantFrom<Side>("left", "right");
const cpu = fc.integer({ min: 0, max: MAX_CPUS - 1 });
/** Which of several: counted from the front, round and round. */
const choice = fc.nat(15);

export const pairCommands: fc.Arbitrary<PairCommand>[] = [
  fc.tuple(side, cpu).map(([where, at]) =>
    command(
      `${where}: first Child SA for CPU ${at}`,
      (_, pair) => {
        if (pair.end(where).group.isEmpty) pair.end(where).initiate(cpuIndex(at));
      },
      ({ used }) => used[where].has(at),
    ),
  ),
  ...Array.from({ length: 6 }, () =>
    fc.tuple(side, cpu).map(([where, at]) =>
      command(`${where}: packet on CPU ${at}`, (_, pair) => {
        pair.send(where, cpuIndex(at));
      }),
    ),
  ),
  ...Array.from({ length: 6 }, () =>
    fc.integer({ min: 1, max: 8 }).map((count) =>
      command(`network: ${count} datagrams`, (_, pair) => {
        for (let n = 0; n < count; n++) pair.step();
      }),
    ),
  ),
  fc.tuple(side, cpu, fc.integer({ min: 1, max: 4 })).map(([where, at, count]) =>
    command(`${where}: worker ${at} applies ${count} messages`, (_, pair) => {
      for (let n = 0; n < count; n++) pair.end(where).workers.get(cpuIndex(at)).applyOne();
    }),
  ),
  ...Array.from({ length: 3 }, () =>
    side.map((where) =>
      command(`${where}: all workers are up to date, and each CPU sends a packet`, ({ used }, pair) => {
        pair.end(where).workers.applyAll();
        for (const at of used[where]) pair.send(where, cpuIndex(at));
      }),
    ),
  ),
  choice.map((index) =>
    command(`answer ${index} is known to have arrived`, (_, pair) => {
      const { confirmable } = pair;
      const chosen = confirmable[index % Math.max(confirmable.length, 1)];
      chosen?.end.confirm(chosen.sa);
    }),
  ),
  ...(["idle", "close", "rekey"] as const).map((what) =>
    fc.tuple(side, choice).map(([where, index]) =>
      command(`${where}: ${what} SA ${index}`, (_, pair) => {
        const end = pair.end(where);
        const { live } = end;
        const sa = live[index % Math.max(live.length, 1)];
        // What the peer may not have yet can be neither deleted nor rekeyed: it would not know what is meant.
        if (sa?.confirmed === true) end[what](sa);
      }),
    ),
  ),
  fc.integer({ min: 1, max: 80_000 }).map((milliseconds) =>
    command(`${milliseconds} ms pass`, (model, pair) => {
      model.now += milliseconds;
      pair.advance(milliseconds);
    }),
  ),
  fc.tuple(side, cpu).map(([where, at]) =>
    command(`${where}: CPU ${at} is added`, (model, pair) => {
      model.used[where].add(at);
      pair.end(where).addCpu(cpuIndex(at));
    }),
  ),
  fc.tuple(side, cpu).map(([where, at]) =>
    command(
      `${where}: CPU ${at} is taken away`,
      (model, pair) => {
        model.used[where].delete(at);
        pair.end(where).removeCpu(cpuIndex(at));
      },
      ({ used }) => used[where].has(at) && used[where].size > 1,
    ),
  ),
  side.map((where) => command(`${where}: NO_ADDITIONAL_SAS for another group`, (_, pair) => pair.end(where).noAdditionalSas())),
  fc.tuple(side, fc.constantFrom(0, 0.3, 1)).map(([where, probability]) =>
    command(`${where}: answers TEMPORARY_FAILURE with probability ${probability}`, (_, pair) => {
      pair.end(where).temporaryFailures = probability;
    }),
  ),
  fc.constant(command("the IKE SA is gone", (_, pair) => pair.destroy())),
  fc.constant(command("all comes to rest", (_, pair) => pair.settle())),
];
