import { strict as assert } from "node:assert";
import { test } from "node:test";
import { MAX_SHARED_SAS, SharedCounters } from "../../src/dataplane/shared-counters.ts";
import { childSaId, cpuIndex } from "../../src/ipsec/names.ts";

const WORKERS = [0, 1, 2].map(cpuIndex);

test("an SA has one counter, which is zero at first and nobody else's", () => {
  const counters = new SharedCounters(WORKERS);
  const words = new Int32Array(counters.buffer);
  assert.equal(counters.take(childSaId(1)), 0);
  assert.equal(counters.take(childSaId(1)), 0);
  assert.equal(counters.take(childSaId(2)), 1);
  words[0] = 77;
  for (const worker of WORKERS) counters.removed(childSaId(1), worker);
  assert.equal(counters.take(childSaId(3)), 0);
  assert.equal(words[0], 0);
});

test("a counter is not given out before the last worker has said that its SA is gone", () => {
  const counters = new SharedCounters(WORKERS);
  counters.take(childSaId(1));
  // Whether the others have installed the SA by now is not known here.
  counters.removed(childSaId(1), cpuIndex(0));
  counters.removed(childSaId(1), cpuIndex(0));
  counters.removed(childSaId(1), cpuIndex(2));
  assert.equal(counters.take(childSaId(2)), 1);
  counters.removed(childSaId(1), cpuIndex(1));
  assert.equal(counters.take(childSaId(3)), 0);
});

test("when all are in use there is none, until one comes back", () => {
  const counters = new SharedCounters(WORKERS);
  for (let id = 1; id <= MAX_SHARED_SAS; id++) assert.equal(counters.take(childSaId(id)), id - 1);
  assert.equal(counters.take(childSaId(5000)), undefined);
  assert.equal(counters.take(childSaId(5001)), undefined);
  // It never had one.
  for (const worker of WORKERS) counters.removed(childSaId(5000), worker);
  assert.equal(counters.take(childSaId(5002)), undefined);
  for (const worker of WORKERS) counters.removed(childSaId(9), worker);
  assert.equal(counters.take(childSaId(5003)), 8);
});
