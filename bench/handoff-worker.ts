/**
 * One of the two threads of `handoff`, `stub` and `sharedSa`. They take turns, so that each times nothing but its own work while every cache
 * line still moves from one CPU to the other as it does in life; what one thread waits for the other is in no figure.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { EngineName } from "../src/dataplane/engines/engine.ts";
import {
  OUTBOUND_DATA,
  PACKET_LENGTH,
  PACKET_OFFSET,
  PACKET_SIZE,
  packetListAt,
  RECORD_COUNT,
  RECORD_DATA_LENGTH,
  RECORD_HEADER,
  RECORD_SEGMENT,
  RingConsumer,
  RingProducer,
} from "../src/dataplane/worker/handoff-ring.ts";
import { pinThread } from "../src/host/linux/affinity.ts";
import { addressOf, memcpy } from "../src/host/linux/libc.ts";
import { BlockTimes } from "./measure.ts";
import { WorkerBox } from "./worker-box.ts";

/**
 * own*: the owner alone; stub: packets to seal reach it by its ring; handoff: ESP reaches it by its ring; sharedSa: it seals on an SA of all; copy: a burst is
 * put into its ring, and it reads it there, nothing else.
 */
export type HandoffMode = "ownOut" | "stub" | "sharedSa" | "ownIn" | "handoff" | "copy";

export interface HandoffSetup {
  readonly role: "sender" | "owner";
  readonly cpu: number;
  readonly engine: EngineName;
  readonly ownerMemory: WebAssembly.Memory;
  /** Int32: whose turn it is. */
  readonly turn: SharedArrayBuffer;
  readonly counter: SharedArrayBuffer;
}

export interface HandoffOrder {
  readonly mode: HandoffMode;
  readonly milliseconds: number;
  /** Bursts to do also when the time is over. */
  readonly atLeast: number;
}

const SIZE = 1400;
const SPINS = 2000;
const BURST = 32;
const SENDER = 0;
const OWNER = 1;
const STOP = 2;

const setup = workerData as HandoffSetup;
pinThread(setup.cpu);
const isOwner = setup.role === "owner";
const box = new WorkerBox({
  engine: setup.engine,
  cipher: "aes128gcm16",
  owner: isOwner ? "self" : "other",
  ...(isOwner ? { memory: setup.ownerMemory } : {}),
});
box.fillSingles(SIZE, BURST);
const kept = box.keepBurst(BURST);
const sealed = box.captureSealed(BURST);
if (!isOwner) box.disownInbound();
const consumer = new RingConsumer(setup.ownerMemory.buffer, box.map.ring);
const producer = new RingProducer(setup.ownerMemory.buffer, box.map.ring, addressOf(setup.ownerMemory.buffer));
const turn = new Int32Array(setup.turn);
const counter = new Int32Array(setup.counter);

interface Step {
  /** What the kernel does in life; not timed. */
  readonly before: () => void;
  /** Timed. Returns packets. */
  readonly work: () => number;
}

const nothing = (): void => undefined;
const layOutBurst = (): void => {
  // Records of the ring may be in the burst now: the packets read from the device take their places again.
  box.fillSingles(SIZE, BURST);
  box.relay(kept);
};

const STEPS: Record<HandoffMode, Record<HandoffSetup["role"], Step | undefined>> = {
  ownOut: { sender: undefined, owner: { before: layOutBurst, work: () => box.outbound(BURST) } },
  sharedSa: {
    sender: undefined,
    owner: {
      before: layOutBurst,
      work: () => {
        box.reserve(counter, BURST);
        return box.outbound(BURST);
      },
    },
  },
  stub: {
    sender: { before: layOutBurst, work: () => box.handOnOutbound(BURST, producer) },
    owner: { before: nothing, work: sealHandedOn },
  },
  ownIn: { sender: undefined, owner: { before: () => box.restore(sealed), work: () => box.inbound(sealed) } },
  handoff: {
    sender: { before: () => box.restore(sealed), work: () => box.handOnInbound(sealed, producer) },
    owner: { before: nothing, work: openHandedOn },
  },
  copy: { sender: { before: () => box.restore(sealed), work: copyMessage }, owner: { before: nothing, work: readHandedOn } },
};

function copyMessage(): number {
  const { base, map } = box;
  const { octets, segment } = sealed;
  if (!producer.pushInbound(base + map.rxBuffers, octets.length, segment, 0, base + map.rxNames, memcpy))
    throw new Error("the ring is full");
  return octets.length / segment;
}

/** Every octet comes over from the other CPU, as it must before it can be sealed or opened. */
function readHandedOn(): number {
  let octets = 0;
  for (let record = consumer.next(); record !== 0; record = consumer.next()) {
    const length = box.u32[(record + RECORD_DATA_LENGTH) >> 2] ?? 0;
    box.kernels.sum(record + RECORD_HEADER, length, 0);
    octets += length;
  }
  consumer.release();
  return octets / SIZE;
}

function sealHandedOn(): number {
  let count = 0;
  for (let record = consumer.next(); record !== 0; record = consumer.next()) {
    const list = record + packetListAt(box.u32[(record + RECORD_DATA_LENGTH) >> 2] ?? 0);
    for (let i = 0; i < (box.u32[(record + RECORD_COUNT) >> 2] ?? 0); i++) {
      const entry = (list + i * PACKET_SIZE) >> 2;
      box.setOut(
        count++,
        record + OUTBOUND_DATA + (box.u32[entry + (PACKET_OFFSET >> 2)] ?? 0),
        box.u32[entry + (PACKET_LENGTH >> 2)] ?? 0,
      );
    }
  }
  const packets = box.outbound(count);
  consumer.release();
  return packets;
}

function openHandedOn(): number {
  let packets = 0;
  for (let record = consumer.next(); record !== 0; record = consumer.next()) {
    const [length, segment] = [box.u32[(record + RECORD_DATA_LENGTH) >> 2] ?? 0, box.u32[(record + RECORD_SEGMENT) >> 2] ?? 1];
    packets += box.inboundAt(record + RECORD_HEADER, length, segment, true);
  }
  consumer.release();
  return packets;
}

/** Takes its turns until the time is over, and returns nanoseconds per packet. The owner watches the clock; alone, it has every turn. */
function run({ mode, milliseconds, atLeast }: HandoffOrder): number {
  const step = STEPS[mode][setup.role];
  if (step === undefined) throw new Error(`the ${setup.role} has nothing to do in ${mode}`);
  const alone = STEPS[mode].sender === undefined;
  const [mine, other] = isOwner ? [OWNER, SENDER] : [SENDER, OWNER];
  if (mode === "sharedSa") box.useSharedSa();
  else box.useOwnSa();
  const end = process.hrtime.bigint() + BigInt(Math.round(milliseconds * 1e6));
  const times = new BlockTimes();
  let bursts = 0;
  for (;;) {
    if (!alone) {
      if (awaitTurn(mine) === STOP) break;
    }
    step.before();
    const start = process.hrtime.bigint();
    const packets = step.work();
    const now = process.hrtime.bigint();
    times.add(now - start, packets);
    const isOver = isOwner && ++bursts >= atLeast && now >= end;
    if (!alone) {
      Atomics.store(turn, 0, isOver ? STOP : other);
      Atomics.notify(turn, 0);
    }
    if (isOver) break;
  }
  return times.median;
}

/** Spins as long as a burst takes, then sleeps: the other thread may have lost its CPU to somebody. */
function awaitTurn(mine: number): number {
  for (let spins = 0; ; spins++) {
    const whose = Atomics.load(turn, 0);
    if (whose === mine || whose === STOP) return whose;
    if (spins > SPINS) Atomics.wait(turn, 0, whose);
  }
}

parentPort?.on("message", (order: HandoffOrder) => {
  parentPort?.postMessage(run(order));
});
