/** Entry point of a data-plane worker thread. */
import { receiveMessageOnPort, workerData } from "node:worker_threads";
import { addressOf } from "../../host/linux/libc.ts";
import { pinThread } from "../../host/linux/affinity.ts";
import { guardSecrets } from "../../host/linux/memory.ts";
import { instantiateKernels } from "../../kernels/kernels.ts";
import { createEngine } from "../engines/engines.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "../messages.ts";
import { configureKernels } from "./configure-kernels.ts";
import type { WorkerContext } from "./context.ts";
import { Tally } from "./context.ts";
import { DestinationTable } from "./destinations.ts";
import { RingConsumer, RingProducer } from "./handoff-ring.ts";
import { Inbound } from "./inbound.ts";
import { WorkerLoop } from "./loop.ts";
import { layOutMemory } from "./memory-map.ts";
import { applySadbMessage } from "./apply-sadb.ts";
import { Outbound } from "./outbound.ts";
import { WorkerSad } from "./sad.ts";
import { SocketTurns } from "./socket-turns.ts";

const setup = workerData as WorkerSetup;

function say(message: FromWorker): void {
  setup.port.postMessage(message);
}

function main(): void {
  if (setup.pinTo !== undefined) pinThread(setup.pinTo);
  const memory = setup.memories[setup.self];
  if (memory === undefined) throw new Error("no packet memory for this worker");
  const buffer = memory.buffer;
  const map = layOutMemory(setup.saArenaSize);
  const base = addressOf(buffer);
  // Best effort: without CAP_IPC_LOCK the limit may be lower than the arena.
  guardSecrets(buffer, map.engineArena, map.engineArenaSize + map.saArenaSize);
  const kernels = instantiateKernels(memory);
  configureKernels(kernels, map, base, setup);
  const engine = createEngine(setup.engine, memory, { offset: map.engineArena, size: map.engineArenaSize });
  const sockets = [...setup.sockets];
  const destinations = new DestinationTable(memory, map.dests, sockets);
  const sad = new WorkerSad(memory, map, kernels, engine, destinations);
  const f64 = new Float64Array(buffer);
  const touched = new Set<number>();
  const context: WorkerContext = {
    self: setup.self,
    base,
    u8: new Uint8Array(buffer),
    u32: new Uint32Array(buffer),
    f64,
    view: new DataView(buffer),
    map,
    kernels,
    engine,
    sad,
    destinations,
    tally: new Tally(f64, map),
    rings: setup.memories.map(({ buffer: other }) => new RingProducer(other, map.ring, addressOf(other))),
    tunFd: setup.tunFd,
    sockets,
    turns: new SocketTurns(),
    sharedCounters: new Int32Array(setup.sharedCounters),
    touch: (index) => touched.add(index),
    post: (event) => say({ kind: "event", event }),
  };
  const inbound = new Inbound(context);
  const outbound = new Outbound(context);
  const ring = new RingConsumer(buffer, map.ring);
  const loop = new WorkerLoop(context, inbound, outbound, ring, setup.wakeFds, touched, {
    applyMessages: () => {
      for (;;) {
        const received = receiveMessageOnPort(setup.port) as { message: ToWorker } | undefined;
        if (received === undefined) return true;
        const { message } = received;
        if (message.kind === "stop") return false;
        if (message.kind === "socket") {
          sockets.push(message.socket);
          loop.preparePoll();
        } else {
          applySadbMessage(message.message, message.sharedCounter, context, outbound, say);
        }
        ring.noteApplied();
      }
    },
  });
  say({ kind: "ready", engine: { name: engine.name, version: engine.version } });
  loop.run();
  sad.clear();
  say({ kind: "stopped" });
}

try {
  main();
} catch (error) {
  say({ kind: "fatal", message: error instanceof Error ? error.message : String(error) });
} finally {
  setup.port.close();
}
