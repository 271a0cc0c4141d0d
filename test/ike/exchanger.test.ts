import assert from "node:assert/strict";
import { test } from "node:test";
import { Exchanger, type Exchange } from "../../src/ike/exchanger.ts";
import { TimerQueue } from "../../src/ike/timers.ts";

type Order = Exchange<undefined>["order"];

class FakeExchange implements Exchange<undefined> {
  readonly exchangeType = 37;
  readonly concerns = "nothing";
  readonly name: string;
  readonly order: Order;
  readonly log: string[];
  isPointless = false;

  constructor(name: string, log: string[], order: Order = "normal") {
    this.name = name;
    this.log = log;
    this.order = order;
  }

  begin(): [] | undefined {
    this.log.push(`${this.isPointless ? "skip" : "begin"} ${this.name}`);
    return this.isPointless ? undefined : [];
  }

  handleResponse(): void {
    this.log.push(`end ${this.name}`);
  }

  abandon(_host: undefined, why: string): void {
    this.log.push(`abandon ${this.name}: ${why}`);
  }
}

function setUp(tries = 3) {
  const log: string[] = [];
  const sent: { id: number; attempt: number; at: number }[] = [];
  const timers = new TimerQueue();
  const unreachable: string[] = [];
  const used: number[] = [];
  const exchanger = new Exchanger<undefined>(
    undefined,
    {
      timers,
      config: { timeout: 1000, base: 2, tries, jitter: 0 },
      random: () => 0.5,
      seal: (_type, id) => [Uint8Array.of(id), Uint8Array.of(id, 2)],
      send: (datagrams, _exchange, id, attempt, at) => {
        assert.deepEqual(datagrams, [Uint8Array.of(id), Uint8Array.of(id, 2)], "the same datagrams every time");
        sent.push({ id, attempt, at });
      },
      used: (id) => used.push(id),
      peerUnreachable: ({ name }) => unreachable.push(name),
    },
    0,
  );
  const enqueue = (name: string, order?: Order): FakeExchange => {
    const exchange = new FakeExchange(name, log, order);
    exchanger.enqueue(exchange, 0);
    return exchange;
  };
  return { log, sent, timers, unreachable, used, exchanger, enqueue };
}

test("each message ID is told when it is used, and once", () => {
  const { used, exchanger, enqueue, timers } = setUp();
  for (const name of ["a", "b"]) enqueue(name);
  timers.fire(1000);
  exchanger.handleResponse(0, [], 1500);
  assert.deepEqual(used, [0, 1]);
});

test("with a window of one, one request is outstanding at a time, in order", () => {
  const { log, exchanger, enqueue } = setUp();
  for (const name of ["a", "b", "c"]) enqueue(name);
  assert.deepEqual(log, ["begin a"]);
  exchanger.handleResponse(0, [], 0);
  exchanger.handleResponse(0, [], 0);
  assert.deepEqual(log, ["begin a", "end a", "begin b"]);
  exchanger.handleResponse(1, [], 0);
  exchanger.handleResponse(2, [], 0);
  assert.deepEqual(log.slice(3), ["end b", "begin c", "end c"]);
  assert.equal(exchanger.isIdle, true);
});

test("a wider window is filled, and bounded by the oldest request that is not answered", () => {
  const { log, exchanger, enqueue } = setUp();
  for (const name of ["a", "b", "c", "d", "e"]) enqueue(name);
  exchanger.setWindow(3, 0);
  assert.equal(exchanger.outstanding.length, 3);
  exchanger.handleResponse(1, [], 0);
  exchanger.handleResponse(2, [], 0);
  assert.equal(log.includes("begin d"), false, "message 3 must wait for the answer to message 0");
  exchanger.handleResponse(0, [], 0);
  assert.deepEqual(log.slice(-2), ["begin d", "begin e"]);
});

test("what goes first overtakes what is queued, and keeps its own order", () => {
  const { log, exchanger, enqueue } = setUp();
  enqueue("a");
  enqueue("b");
  enqueue("x", "first");
  enqueue("y", "first");
  for (let id = 0; id < 4; id++) exchanger.handleResponse(id, [], 0);
  assert.deepEqual(
    log.filter((line) => line.startsWith("begin")),
    ["begin a", "begin x", "begin y", "begin b"],
  );
});

test("an exchange that wants to be alone waits until all is answered, and lets nothing begin beside it", () => {
  const { log, exchanger, enqueue } = setUp();
  exchanger.setWindow(4, 0);
  enqueue("a");
  enqueue("b");
  enqueue("rekey", "alone");
  enqueue("c");
  assert.deepEqual(log, ["begin a", "begin b"]);
  exchanger.handleResponse(0, [], 0);
  assert.equal(log.includes("begin rekey"), false);
  exchanger.handleResponse(1, [], 0);
  assert.equal(log.at(-1), "begin rekey");
  enqueue("urgent", "first");
  assert.equal(log.includes("begin urgent"), false);
  exchanger.handleResponse(2, [], 0);
  assert.deepEqual(log.slice(-3), ["end rekey", "begin urgent", "begin c"]);
});

test("a pointless exchange costs no message ID", () => {
  const { log, sent, exchanger, enqueue } = setUp();
  enqueue("a");
  enqueue("b").isPointless = true;
  enqueue("c");
  exchanger.handleResponse(0, [], 0);
  assert.deepEqual(log, ["begin a", "end a", "skip b", "begin c"]);
  assert.deepEqual(
    sent.map(({ id }) => id),
    [0, 1],
  );
});

test("an unanswered request is repeated ever more slowly, then the peer is unreachable", () => {
  const { sent, timers, unreachable, enqueue } = setUp(2);
  enqueue("a");
  for (let now = 0; now <= 10_000; now += 100) timers.fire(now);
  assert.deepEqual(
    sent.map(({ attempt, at }) => [attempt, at]),
    [
      [0, 0],
      [1, 1000],
      [2, 3000],
    ],
  );
  assert.deepEqual(unreachable, ["a"]);
});

test("an answer stops the repetitions", () => {
  const { sent, timers, exchanger, enqueue } = setUp();
  enqueue("a");
  exchanger.handleResponse(0, [], 10);
  timers.fire(100_000);
  assert.equal(sent.length, 1);
});

test("when it stops, what is outstanding and what is queued are told, once", () => {
  const { log, timers, exchanger, enqueue } = setUp();
  enqueue("a");
  enqueue("b");
  exchanger.stop("IKE SA deleted", 0);
  timers.fire(100_000);
  assert.deepEqual(log, ["begin a", "abandon a: IKE SA deleted", "abandon b: IKE SA deleted"]);
  assert.throws(() => enqueue("c"), { name: "BrokenInvariant" });
});

test("the queue can be handed over, without what is outstanding", () => {
  const { exchanger, enqueue } = setUp();
  enqueue("a");
  enqueue("b");
  assert.deepEqual(
    exchanger.takeQueue().map(({ name }) => name),
    ["b"],
  );
  assert.equal(exchanger.outstanding.length, 1);
});
