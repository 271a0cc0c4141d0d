/** SAs and policies that a worker cannot take: they are refused, and neither room nor keys stay behind of them. */
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createEngine } from "../../src/dataplane/engines/engines.ts";
import type { DataPlaneEvent } from "../../src/dataplane/messages.ts";
import { applySadbMessage } from "../../src/dataplane/worker/apply-sadb.ts";
import { DestinationTable } from "../../src/dataplane/worker/destinations.ts";
import { DEST_CAPACITY, POLICY_CAPACITY } from "../../src/dataplane/worker/memory-map.ts";
import { WorkerSad } from "../../src/dataplane/worker/sad.ts";
import { childSaId, cpuIndex, espSpi, policyId } from "../../src/ipsec/names.ts";
import type { InboundSaSpec, OutboundSaSpec, SadbMessage } from "../../src/ipsec/sadb.ts";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";
import { KernelFrame } from "../kernels/bench-frame.ts";

const CPU = cpuIndex(3);
const LOCAL = { address: "192.0.2.1", port: 4500 };
const NOWHERE = { address: "192.0.2.9", port: 4500 };
const REMOTE = { address: "192.0.2.2", port: 4500 };
const ZONED = { address: "fe80::1%eth0", port: 4500 };
const EVERYTHING = [parsePrefix("0.0.0.0/0")];
const UNLIMITED = { softPackets: Infinity, hardPackets: Infinity, softBytes: Infinity, hardBytes: Infinity };
/** Key, then salt. */
const KEYMAT = Buffer.from(Array.from({ length: 20 }, (_, i) => 0xa0 + i));

/** A worker's SAD, and what it reports when messages are applied to it. */
class SadBox {
  readonly frame = new KernelFrame();
  readonly posted: DataPlaneEvent[] = [];
  readonly #sad: WorkerSad;

  /** The node engine is everywhere, and keeps its keys outside of packet memory; ipsec-mb and openssl have them in the slot. */
  constructor() {
    const { map, memory, kernels } = this.frame;
    const engine = createEngine("auto", memory, { offset: map.engineArena, size: map.engineArenaSize });
    const destinations = new DestinationTable(memory, map.dests, [{ local: LOCAL, encapsulation: "udp" }]);
    this.#sad = new WorkerSad(memory, map, kernels, engine, destinations);
  }

  apply(message: SadbMessage): void {
    const context = { self: CPU, sad: this.#sad, post: (event: DataPlaneEvent) => this.posted.push(event) };
    applySadbMessage(message, 0, context, { releaseHeld: () => undefined }, () => undefined);
  }

  addOutbound(id: number, changes: Partial<OutboundSaSpec> = {}): void {
    const sa = {
      ...COMMON,
      id: childSaId(id),
      spi: espSpi(0x1000 + id),
      keymat: Uint8Array.from(KEYMAT),
      shared: false,
      copyDscp: true,
      ...changes,
    };
    this.apply({ verb: "addOutbound", sa });
    assert.ok(
      sa.keymat.every((octet) => octet === 0),
      "KEYMAT is wiped",
    );
  }

  addInbound(id: number, changes: Partial<InboundSaSpec> = {}): void {
    const selectors = { localTs: EVERYTHING, remoteTs: EVERYTHING };
    const sa = {
      ...COMMON,
      id: childSaId(id),
      spi: espSpi(0x1000 + id),
      keymat: Uint8Array.from(KEYMAT),
      replayWindow: 64,
      ...selectors,
      ...changes,
    };
    this.apply({ verb: "addInbound", sa });
    assert.ok(
      sa.keymat.every((octet) => octet === 0),
      "KEYMAT is wiped",
    );
  }

  addPolicy(id: number): void {
    const policy = { id: policyId(id), name: `p${id}`, localTs: EVERYTHING, remoteTs: EVERYTHING, priority: 1 };
    this.apply({ verb: "addPolicy", policy: { ...policy, onMissingSa: "hold" } });
  }

  /** Takes the refusals since the last call. */
  refusals(): string[] {
    return this.posted.splice(0).map((event) => ("why" in event ? `${event.verb}: ${event.why}` : event.verb));
  }

  /** How many more SAs the worker takes. */
  capacity(): number {
    const first = 100_000;
    this.posted.length = 0;
    let id = first;
    while (this.posted.length === 0 && id < 2 * first) this.addOutbound(id++);
    this.posted.length = 0;
    for (let taken = first; taken < id; taken++) this.apply({ verb: "removeOutbound", id: childSaId(taken), cpu: CPU });
    return id - 1 - first;
  }

  /** Whether salt and cipher key, or the first round key, lie anywhere in the arena of SAs. */
  get hasKeys(): boolean {
    const { map, u8 } = this.frame;
    const arena = Buffer.from(u8.buffer, map.saArena, map.saArenaSize);
    return arena.includes(KEYMAT.subarray(0, 16)) || arena.includes(KEYMAT.subarray(16, 20));
  }
}

const COMMON = {
  ...{ policyId: policyId(1), cpu: CPU, esn: false, limits: UNLIMITED, local: LOCAL, remote: REMOTE },
  ...({ cipher: "aes128gcm16", encapsulation: "udp", mode: "tunnel", copyEcn: true } as const),
} as const;

test("what is installed has its key in packet memory, as long as it is there", () => {
  const box = new SadBox();
  box.addOutbound(1);
  assert.ok(box.hasKeys);
  box.apply({ verb: "removeOutbound", id: childSaId(1), cpu: CPU });
  assert.ok(!box.hasKeys);
});

test("outbound SAs without a socket to send by take no room, however many are tried", () => {
  const box = new SadBox();
  const capacity = box.capacity();
  assert.ok(capacity > 100);
  for (let id = 1; id <= capacity; id++) box.addOutbound(id, { local: NOWHERE });
  assert.deepEqual(new Set(box.refusals()), new Set(["saRefused: no ESP socket is bound to 192.0.2.9"]));
  assert.ok(!box.hasKeys);
  assert.equal(box.capacity(), capacity);
});

test("an outbound SA for which there is no room gives its destination back", () => {
  const box = new SadBox();
  const capacity = box.capacity();
  for (let id = 1; id <= capacity; id++) box.addOutbound(id);
  for (let n = 0; n < DEST_CAPACITY + 1; n++)
    box.addOutbound(200_000 + n, { remote: { address: `10.0.${n >> 8}.${n & 255}`, port: 4500 } });
  assert.deepEqual(new Set(box.refusals()), new Set(["saRefused: the worker's SAD is full: raise daemon.max_sas_per_cpu"]));
});

test("what is refused while it is made leaves neither room taken nor a key behind", () => {
  const cases: readonly (readonly [why: RegExp, attempt: (box: SadBox, id: number) => void])[] = [
    [/key/, (box, id) => box.addOutbound(id, { keymat: Uint8Array.of(...KEYMAT, 0) })],
    [/key/, (box, id) => box.addInbound(id, { keymat: Uint8Array.of(...KEYMAT, 0) })],
    [/in transport mode has no selectors/, (box, id) => box.addInbound(id, { mode: "transport", localTs: [], remoteTs: [] })],
    [/not an IP address/, (box, id) => box.addInbound(id, { remote: ZONED })],
    [/not an IP address/, (box, id) => box.addOutbound(id, { remote: ZONED })],
  ];
  for (const [why, attempt] of cases) {
    const box = new SadBox();
    // Far more than there is room for.
    for (let id = 1; id <= 3000; id++) attempt(box, id);
    const refusals = box.refusals();
    assert.equal(refusals.length, 3000);
    for (const refusal of refusals) assert.match(refusal, why);
    assert.ok(!box.hasKeys);
  }
});

test("policies beyond the most are refused one by one, and there is room again when one goes", () => {
  const box = new SadBox();
  for (let id = 1; id <= 2 * POLICY_CAPACITY && box.posted.length < 2; id++) box.addPolicy(id);
  const [first, second] = box.posted;
  assert.ok(first?.verb === "policyRefused" && second?.verb === "policyRefused");
  assert.equal(second.policyId, first.policyId + 1);
  assert.equal(first.cpu, CPU);
  assert.match(first.why, /is full/);
  box.posted.length = 0;
  box.apply({ verb: "removePolicy", policyId: policyId(1) });
  box.addPolicy(first.policyId);
  assert.deepEqual(box.refusals(), []);
  // Nobody has that one.
  box.apply({ verb: "removePolicy", policyId: second.policyId });
  box.apply({ verb: "setEntry", policyId: second.policyId, cpu: CPU, entry: { kind: "none", ask: true } });
  assert.deepEqual(box.refusals(), []);
});

test("an SA that cannot follow its peer is reported", () => {
  const box = new SadBox();
  box.addOutbound(1);
  const move = { verb: "updateAddresses", id: childSaId(1), cpu: CPU, local: NOWHERE, remote: REMOTE, encapsulation: "udp" } as const;
  box.apply(move);
  assert.deepEqual(box.posted, [
    { verb: "saRefused", id: 1, cpu: CPU, why: "it cannot send to 192.0.2.2: no ESP socket is bound to 192.0.2.9" },
  ]);
});
