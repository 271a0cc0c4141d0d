import assert from "node:assert/strict";
import { test } from "node:test";
import { assignCpus, MAX_WORKERS, parseCpuChoice } from "../../../src/daemon/config/cpus.ts";

test("CPUs are all, a number, or a list", () => {
  assert.deepEqual(parseCpuChoice("all"), { kind: "all" });
  assert.deepEqual(parseCpuChoice("4"), { kind: "count", count: 4 });
  assert.deepEqual(parseCpuChoice("0-3,6"), { kind: "list", cpus: [0, 1, 2, 3, 6] });
  assert.deepEqual(parseCpuChoice("2,"), { kind: "list", cpus: [2] });
});

test("what is none of these is refused", () => {
  for (const text of ["", "0", "257", "3-1", "1,1", "a", "0-999", "1,,2", "-1"]) {
    assert.throws(() => parseCpuChoice(text), { name: "InvalidText" }, text);
  }
});

test("workers go to the allowed CPUs, and share them when there are more workers", () => {
  assert.deepEqual(assignCpus({ kind: "all" }, [1, 5]), [1, 5]);
  assert.deepEqual(assignCpus({ kind: "count", count: 1 }, [1, 5]), [1]);
  assert.deepEqual(assignCpus({ kind: "count", count: 5 }, [1, 5]), [1, 5, 1, 5, 1]);
  assert.deepEqual(assignCpus({ kind: "list", cpus: [5] }, [1, 5]), [5]);
  assert.equal(
    assignCpus(
      { kind: "all" },
      Array.from({ length: 1000 }, (_, i) => i),
    ).length,
    MAX_WORKERS,
  );
});

test("a CPU that the process may not use is named", () => {
  assert.throws(() => assignCpus({ kind: "list", cpus: [0, 1, 9] }, [0, 1]), /names CPU 9, but this process may only run on 0, 1/);
});
