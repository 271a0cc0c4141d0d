import assert from "node:assert/strict";
import { test } from "node:test";
import { Operations } from "../../src/daemon/operations.ts";
import type { EndpointDriver } from "../../src/daemon/endpoint-driver.ts";
import type { DaemonStatus } from "../../src/daemon/status.ts";
import type { Command, CommandResult } from "../../src/ike/command.ts";
import type { IkeEvent } from "../../src/ike/events.ts";

/** A daemon with the connection west, its children a and b, and what the test has up. */
function setUp() {
  const commands: Command[] = [];
  const listeners = new Set<(event: IkeEvent) => void>();
  const up = new Set<string>();
  const calls: string[] = [];
  let result: CommandResult = { ok: true };
  const driver = {
    command: (command: Command) => {
      commands.push(command);
      return result;
    },
    status: () => ({
      connections: [
        { name: "west", children: ["a", "b"] },
        { name: "bare", children: [], state: up.has("bare") ? "up" : "connecting" },
      ],
      childSas: [...up].map((child) => ({ connection: "west", child })),
    }),
    listen: (listener: (event: IkeEvent) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as EndpointDriver;
  const operations = new Operations({
    driver,
    status: () => ({ version: "x" }) as DaemonStatus,
    dataPlaneStatus: () => ({ drops: {} }) as DaemonStatus["dataPlane"],
    stop: () => {
      calls.push("stop");
      return Promise.resolve();
    },
  });
  const tell = (event: Record<string, unknown>): void => {
    for (const listener of listeners) listener(event as unknown as IkeEvent);
  };
  return { operations, commands, up, calls, listeners, tell, refuse: (reason: string) => (result = { ok: false, reason }) };
}

test("commands reach the endpoint as it knows them", async () => {
  const { operations, commands } = setUp();
  const requests = [
    { verb: "terminate", connection: "west" },
    { verb: "terminate", connection: "west", child: "a" },
    { verb: "terminate-ike", ikeSa: 3 },
    { verb: "terminate-child", childSa: 4 },
    { verb: "rekey-ike", ikeSa: 5 },
    { verb: "rekey-child", childSa: 6 },
    { verb: "initiate", connection: "west", child: "a" },
  ] as const;
  for (const request of requests) assert.equal((await operations.handle(request)).ok, true);
  assert.deepEqual(commands, [
    { verb: "terminate", target: { connection: "west" } },
    { verb: "terminate", target: { connection: "west", child: "a" } },
    { verb: "terminate", target: { ikeSa: 3 } },
    { verb: "terminate", target: { childSa: 4 } },
    { verb: "rekey", target: { ikeSa: 5 } },
    { verb: "rekey", target: { childSa: 6 } },
    { verb: "initiate", connection: "west", child: "a" },
  ]);
});

test("status and stats are told, down ends everything before it answers", async () => {
  const { operations, calls } = setUp();
  assert.deepEqual(await operations.handle({ verb: "status" }), { ok: true, result: { version: "x" } });
  assert.deepEqual(await operations.handle({ verb: "stats" }), { ok: true, result: { drops: {} } });
  assert.equal((await operations.handle({ verb: "down" })).ok, true);
  assert.deepEqual(calls, ["stop"]);
});

test("what the endpoint refuses is refused with its sentence", async () => {
  const { operations, refuse } = setUp();
  refuse("There is no connection x.");
  const expected = { ok: false, error: "There is no connection x." };
  assert.deepEqual(await operations.handle({ verb: "terminate", connection: "x" }), expected);
  assert.deepEqual(await operations.handle({ verb: "initiate", connection: "x", wait: 1000 }), expected);
});

test("initiate waits for the last of the children", async () => {
  const { operations, up, tell, listeners } = setUp();
  const answer = operations.handle({ verb: "initiate", connection: "west", wait: 10_000 });
  let isAnswered = false;
  void answer.then(() => (isAnswered = true));
  up.add("a");
  tell({ kind: "childUp" });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isAnswered, false, "b is still missing");
  up.add("b");
  tell({ kind: "childUp" });
  assert.deepEqual(await answer, { ok: true, result: { text: "west is up." } });
  assert.equal(listeners.size, 0);
});

test("initiate of a connection without children waits for its IKE SA", async () => {
  const { operations, up, tell } = setUp();
  const answer = operations.handle({ verb: "initiate", connection: "bare", wait: 10_000 });
  up.add("bare");
  tell({ kind: "ikeUp" });
  assert.deepEqual(await answer, { ok: true, result: { text: "bare is up." } });
});

test("initiate does not wait for what is up, or when told not to", async () => {
  const { operations, up } = setUp();
  up.add("a");
  assert.equal((await operations.handle({ verb: "initiate", connection: "west", child: "a", wait: 10_000 })).ok, true);
  assert.equal((await operations.handle({ verb: "initiate", connection: "west", wait: 0 })).ok, true);
});

test("initiate ends with the reason why it cannot come up, of its own connection and child only", async () => {
  const failures = [
    { kind: "authFailed", connection: "west", text: "The keys differ." },
    { kind: "connectionFailed", connection: "west", text: "The keys differ." },
    { kind: "peerRefused", connection: "west", child: "a", notify: "TS_UNACCEPTABLE", text: "no" },
  ];
  for (const failure of failures) {
    const { operations, tell } = setUp();
    const answer = operations.handle({ verb: "initiate", connection: "west", child: "a", wait: 10_000 });
    tell({ ...failure, connection: "east" });
    tell({ kind: "peerRefused", connection: "west", child: "b", notify: "TS_UNACCEPTABLE", text: "of another child" });
    tell(failure);
    const error = failure.kind === "peerRefused" ? "The peer refused with TS_UNACCEPTABLE: no" : "The keys differ.";
    assert.deepEqual(await answer, { ok: false, error });
  }
});

test("initiate gives up when its time is over, or when the daemon ends", async () => {
  const { operations, listeners } = setUp();
  const late = await operations.handle({ verb: "initiate", connection: "west", wait: 20 });
  assert.match(late.ok ? "" : late.error, /west is not up after 0\.02 s/);
  const abandoned = operations.handle({ verb: "initiate", connection: "west", wait: 10_000 });
  operations.abandon();
  assert.deepEqual(await abandoned, { ok: false, error: "The daemon is ending." });
  assert.equal(listeners.size, 0);
});
