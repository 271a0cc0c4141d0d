/** Waking, pinning and memory: what worker threads need of the kernel. */
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { after, describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { allowedCpus, pinThread } from "../../src/host/linux/affinity.ts";
import { addressOf, memcpy, poll, SystemCallError } from "../../src/host/linux/libc.ts";
import { guardSecrets } from "../../src/host/linux/memory.ts";
import { pollEvents, POLLIN, POLLNVAL, writePollfd } from "../../src/host/linux/poll.ts";
import { closeWake, createWake, drainWake, signalWake } from "../../src/host/linux/wake.ts";

/** A thread that runs a fixture. Where tests run as TypeScript, tsx must be told of each thread: Node 20 does not hand its loader on. */
function startThread(name: string, workerData: unknown): Worker {
  const url = new URL(`./fixtures/${name}${extname(import.meta.url)}`, import.meta.url);
  if (!url.pathname.endsWith(".ts")) return new Worker(url, { workerData });
  const bootstrap = `import("tsx/esm/api").then(({ register }) => { register(); return import(${JSON.stringify(url.href)}); })`;
  return new Worker(bootstrap, { eval: true, workerData });
}

function eventsOf(fd: number, timeout: number): number {
  const memory = new SharedArrayBuffer(64);
  const view = new DataView(memory);
  writePollfd(view, 8, fd, POLLIN);
  poll(addressOf(memory) + 8, 1, timeout);
  return pollEvents(view, 8);
}

describe("wake", () => {
  const fd = createWake();
  after(() => closeWake(fd));

  it("is quiet, then signalled however often, then drained by one call", () => {
    assert.equal(eventsOf(fd, 0), 0);
    signalWake(fd);
    signalWake(fd);
    assert.equal(eventsOf(fd, 0), POLLIN);
    assert.equal(eventsOf(fd, 0), POLLIN);
    drainWake(fd);
    assert.equal(eventsOf(fd, 0), 0);
    drainWake(fd); // a spurious drain does not block
  });

  it("ends another thread's poll", async () => {
    const other = startThread("signal-wake", fd);
    await new Promise((resolve) => other.once("online", resolve));
    // Blocks this thread until the signal: a lost one would show as a time-out.
    assert.equal(eventsOf(fd, 10_000), POLLIN);
    drainWake(fd);
    await other.terminate();
  });

  it("a closed descriptor shows as such", () => {
    const gone = createWake();
    closeWake(gone);
    assert.equal(eventsOf(gone, 0), POLLNVAL);
  });
});

describe("affinity", () => {
  it("pins the calling thread, and only it", async () => {
    const before = allowedCpus();
    const cpu = before.at(-1)!;
    const pinned = await new Promise((resolve, reject) => {
      startThread("pin-thread", cpu).once("message", resolve).once("error", reject);
    });
    assert.deepEqual(pinned, [cpu]);
    assert.deepEqual(allowedCpus(), before);
  });

  it("a CPU that is not there is refused with those that are", () => {
    assert.throws(
      () => pinThread(8000),
      (error) =>
        error instanceof SystemCallError && error.code === "EINVAL" && error.message.includes(`allowed: ${allowedCpus().join(", ")}`),
    );
    assert.throws(() => pinThread(-1), RangeError);
    assert.throws(() => pinThread(1e6), RangeError);
  });
});

describe("memory", () => {
  it("one address serves TypeScript and C", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const octets = new Uint8Array(memory.buffer);
    octets.set([1, 2, 3, 4], 100);
    memcpy(addressOf(memory.buffer) + 5000, addressOf(memory.buffer) + 100, 4);
    assert.deepEqual([...octets.subarray(4999, 5005)], [0, 1, 2, 3, 4, 0]);
  });

  it("guarded memory is locked and left out of core dumps, and no more than asked", () => {
    const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
    assert.deepEqual(guardSecrets(memory.buffer, 65536 + 100, 8000), { locked: true, undumped: true });
    const flags = (offset: number): string => vmFlagsAt(addressOf(memory.buffer) + offset);
    assert.match(flags(65536), /\blo\b.*\bdd\b|\bdd\b.*\blo\b/);
    assert.match(flags(65536 + 8099), /\blo\b/);
    assert.doesNotMatch(flags(65536 - 1), /\blo\b|\bdd\b/);
    assert.doesNotMatch(flags(65536 + 8192), /\blo\b|\bdd\b/);
  });
});

/** "rd wr mr …" of the mapping that holds `address`, from proc_pid_smaps(5). */
function vmFlagsAt(address: number): string {
  let inside = false;
  for (const line of readFileSync("/proc/self/smaps", "utf8").split("\n")) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
    if (range !== null) inside = Number.parseInt(range[1]!, 16) <= address && address < Number.parseInt(range[2]!, 16);
    else if (inside && line.startsWith("VmFlags:")) return line;
  }
  throw new Error("no such mapping");
}
