import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { spawnSync } from "node:child_process";
import { ExitCode } from "../../src/daemon/exit-codes.ts";
import { InstanceLock } from "../../src/daemon/instance-lock.ts";

function socketPath(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "hawser-lock-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "hawser.sock");
}

test("the second of two is refused until the first lets go", async (t) => {
  const path = socketPath(t);
  const lock = await InstanceLock.acquire(path);
  await assert.rejects(InstanceLock.acquire(path), { exitCode: ExitCode.BUSY, message: /already listens on/ });
  lock.release();
  await new Promise((resolve) => setTimeout(resolve, 20));
  (await InstanceLock.acquire(path)).release();
});

test("of many at once exactly one gets it", async (t) => {
  const path = socketPath(t);
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => InstanceLock.acquire(path)));
  const winners = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  for (const winner of winners) winner.release();
  assert.equal(winners.length, 1);
});

test("a daemon of another network namespace that listens on the same file is seen", async (t) => {
  const path = socketPath(t);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(path, resolve));
  t.after(() => other.close());
  await assert.rejects(InstanceLock.acquire(path), { exitCode: ExitCode.BUSY });
  assert.ok(existsSync(path), "and its socket is left alone");
});

test("what a killed daemon left is removed", async (t) => {
  const path = socketPath(t);
  spawnSync(process.execPath, [
    "-e",
    `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`,
  ]);
  assert.ok(existsSync(path));
  const lock = await InstanceLock.acquire(path);
  assert.equal(existsSync(path), false);
  lock.release();
});
