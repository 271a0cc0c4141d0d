import assert from "node:assert/strict";
import { test } from "node:test";
import { EndpointDriver } from "../../src/daemon/endpoint-driver.ts";
import type { IkeEndpoint } from "../../src/ike/endpoint.ts";
import type { IkeEvent, Output } from "../../src/ike/events.ts";

const SOCKET = { address: "192.0.2.1", port: 500 };
const DONE: IkeEvent = { kind: "done" };

/** An endpoint that hands out what the test puts into `outbox`, and notes what it was told. */
function setUp(onEvent: (driver: EndpointDriver, event: IkeEvent) => void = () => undefined) {
  const outbox: Output[] = [];
  const calls: string[] = [];
  const endpoint = {
    handleTimeout: (now: number) => calls.push(`timeout ${now}`),
    handleDatagram: (_datagram: unknown, now: number) => calls.push(`datagram ${now}`),
    handleUsage: (_usage: unknown, now: number) => calls.push(`usage ${now}`),
    handleCommand: (command: { verb: string }) => {
      calls.push(command.verb);
      return { ok: true };
    },
    pollOutput: () => outbox.shift(),
  } as unknown as IkeEndpoint;
  const clock = { time: 1000, now: () => clock.time };
  const done: string[] = [];
  const driver: EndpointDriver = new EndpointDriver(endpoint, {
    clock,
    transmit: ({ kind }) => done.push(kind),
    applySadb: ({ verb }) => done.push(verb),
    onEvent: (event) => {
      done.push(event.kind);
      onEvent(driver, event);
    },
  });
  return { driver, outbox, calls, done, clock };
}

test("what the endpoint wants is carried out to the end, in its order", () => {
  const { driver, outbox, calls, done } = setUp();
  outbox.push(
    { kind: "sadb", message: { verb: "removePolicy", policyId: 1 as never } },
    { kind: "transmit", local: SOCKET, remote: SOCKET, octets: new Uint8Array(1), marker: false },
    { kind: "event", event: DONE },
    { kind: "keepalive", local: SOCKET, remote: SOCKET },
  );
  driver.datagram({ local: SOCKET, remote: SOCKET, octets: new Uint8Array(0) });
  assert.deepEqual(calls, ["datagram 1000"]);
  assert.deepEqual(done, ["removePolicy", "transmit", "done", "keepalive"]);
});

test("a command given while an event is being told waits for its turn, and is not lost", () => {
  const { driver, outbox, calls, done } = setUp((self, event) => {
    if (event.kind !== "done" || calls.includes("shutdown")) return;
    self.command({ verb: "shutdown" });
    outbox.push({ kind: "keepalive", local: SOCKET, remote: SOCKET });
  });
  outbox.push({ kind: "event", event: DONE }, { kind: "event", event: DONE });
  driver.usage([]);
  assert.deepEqual(calls, ["usage 1000", "shutdown"]);
  assert.deepEqual(done, ["done", "done", "keepalive"]);
});

test("the endpoint is woken at the moment it asked for, and not before", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { driver, outbox, calls, clock } = setUp();
  outbox.push({ kind: "timeout", at: 1500.4, reason: "start" });
  driver.start();
  clock.time = 1500;
  t.mock.timers.tick(500);
  assert.deepEqual(calls, ["timeout 1000"]);
  clock.time = 1501;
  t.mock.timers.tick(1);
  assert.deepEqual(calls, ["timeout 1000", "timeout 1501"]);
});

test("a later answer replaces the moment; a far one does not overflow the timer", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { driver, outbox, calls } = setUp();
  outbox.push({ kind: "timeout", at: 1100, reason: "start" });
  driver.start();
  outbox.push({ kind: "timeout", at: 1000 + 2 ** 32, reason: "rekey-ike" });
  driver.usage([]);
  t.mock.timers.tick(10_000);
  assert.deepEqual(calls, ["timeout 1000", "usage 1000"]);
});

test("a closed driver is deaf and dumb", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { driver, outbox, calls, done } = setUp();
  outbox.push({ kind: "timeout", at: 1100, reason: "start" });
  driver.start();
  driver.close();
  t.mock.timers.tick(1000);
  outbox.push({ kind: "event", event: DONE });
  driver.usage([]);
  assert.deepEqual(driver.command({ verb: "flush" }), { ok: false, reason: "The daemon is ending." });
  assert.deepEqual(calls, ["timeout 1000"]);
  assert.deepEqual(done, []);
});
