/** The demonstration as a user runs it: green twice in a row, also after a run that was killed in the middle. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { nodeCommand } from "../../src/demo/daemon-process.ts";
import { missing } from "../interop/support/requirements.ts";
import { sleep } from "../interop/support/until.ts";

interface Report {
  readonly childSas: number;
  readonly cpus: number;
  readonly perCpu: readonly { readonly spiIn: string; readonly packetsIn: number; readonly packetsOut: number }[];
  readonly pingLoss: number;
  readonly tunnelGbps: number;
  readonly plainGbps: number;
  readonly engine: string;
  readonly leaked: number;
  readonly ok: boolean;
}

const BUSY = 5;
/** Milliseconds to wait for somebody else's demonstration on this machine. */
const BUSY_PATIENCE = 120_000;

interface Running {
  readonly process: ChildProcess;
  readonly output: () => { readonly stdout: string; readonly stderr: string };
}

function start(...parameters: string[]): Running {
  const [command = "", ...rest] = nodeCommand("main", ...parameters);
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return { process: child, output: () => ({ stdout, stderr }) };
}

/** Runs it to its end; waits while another one runs. */
async function run(...parameters: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const deadline = Date.now() + BUSY_PATIENCE;
  for (;;) {
    const demo = start(...parameters);
    const [status] = (await once(demo.process, "close")) as [number | null];
    if (status !== BUSY || Date.now() > deadline) return { status, ...demo.output() };
    await sleep(2000);
  }
}

/** Kills a demonstration while it pings; waits before while another one runs. */
async function killInTheMiddle(): Promise<void> {
  const deadline = Date.now() + BUSY_PATIENCE;
  while (Date.now() < deadline) {
    const demo = start("--seconds", "5");
    while (demo.process.exitCode === null && !demo.output().stderr.includes("pinging")) await sleep(50);
    if (demo.process.exitCode === null) {
      const closed = once(demo.process, "close");
      demo.process.kill("SIGKILL");
      await closed;
      return;
    }
    assert.equal(demo.process.exitCode, BUSY, demo.output().stderr);
    await sleep(2000);
  }
  assert.fail("another demonstration ran for all that time");
}

function assertGreen({ status, stdout, stderr }: Awaited<ReturnType<typeof run>>, cpus: number): Report {
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  const report = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Report;
  assert.deepEqual([report.ok, report.cpus, report.pingLoss, report.leaked], [true, cpus, 0, 0]);
  assert.ok(report.childSas >= cpus);
  assert.equal(report.perCpu.length, 2 * cpus);
  for (const { spiIn, packetsIn, packetsOut } of report.perCpu) {
    assert.match(spiIn, /^[0-9a-f]{8}$/);
    assert.ok(packetsIn > 0 && packetsOut > 0);
  }
  return report;
}

describe("the demonstration", { skip: missing("iperf3") }, () => {
  it("is green after a run that was killed in the middle, and again after that", async () => {
    await killInTheMiddle();
    const first = await run("--json", "--seconds", "1", "--cpus", "2");
    assertGreen(first, 2);
    assert.match(first.stderr, /cleared away what an earlier run had left/);
    assertGreen(await run("--json", "--seconds", "2", "--cpus", "2"), 2);
  });

  it("runs each scheme, more workers than CPUs, IPv6, and its own sender", async () => {
    assertGreen(await run("--json", "--seconds", "1", "--cpus", "3", "--scheme", "stub"), 3);
    assertGreen(
      await run("--json", "--seconds", "1", "--cpus", "2", "--scheme", "cpu-queues", "--outer", "6", "--inner", "6", "--sender", "own"),
      2,
    );
  });

  it("tells wrong arguments from failures", async () => {
    const { status, stderr } = await run("--cpus", "none");
    assert.equal(status, 2);
    assert.match(stderr, /It must be a whole number from 1 to 64/);
  });
});
