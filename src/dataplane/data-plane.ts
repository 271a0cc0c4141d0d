import { MessageChannel, Worker } from "node:worker_threads";
import { createWake, signalWake, closeWake } from "../host/linux/wake.ts";
import { DROP_REASONS as DROP_TABLE } from "../ipsec/drop-reasons.ts";
import type { DropReason } from "../ipsec/drop-reasons.ts";
import type { ChildSaId, CpuIndex } from "../ipsec/names.ts";
import { cpuIndex } from "../ipsec/names.ts";
import type { OutboundSaSpec, SadbMessage, SaUsage } from "../ipsec/sadb.ts";
import * as L from "../kernels/layout.ts";
import { COUNTERS } from "./counters.ts";
import type { WorkerCounters } from "./counters.ts";
import type { DataPlaneEvent, FromWorker, ToWorker, WorkerSetup, WorkerSocket } from "./messages.ts";
import { MAX_SHARED_SAS, SharedCounters } from "./shared-counters.ts";
import { RingProducer } from "./worker/handoff-ring.ts";
import { layOutMemory } from "./worker/memory-map.ts";
import type { MemoryMap } from "./worker/memory-map.ts";

/** Sockets of one local address and one encapsulation, one per worker. */
export interface EspSockets extends Omit<WorkerSocket, "fd"> {
  readonly fds: readonly number[];
}

export interface DataPlaneOptions {
  /** One worker each; the operating system's CPU to pin it to, undefined = do not pin. */
  readonly workers: readonly (number | undefined)[];
  /** One queue of the TUN device per worker. */
  readonly tunFds: readonly number[];
  /** The TUN device takes UDP super-packets. */
  readonly udpOffload: boolean;
  /** For each local address, and for ESP in UDP and without, one socket per worker. */
  readonly sockets: readonly EspSockets[];
  readonly engine: string;
  readonly steering: { readonly mask: number; readonly multiplier: number };
  /** Room for Child SAs on each worker. */
  readonly maxSasPerWorker: number;
  readonly onEvent: (event: DataPlaneEvent) => void;
  readonly onFatal: (error: Error) => void;
}

export interface DataPlaneCounters {
  readonly perWorker: readonly (WorkerCounters & { readonly drops: Partial<Record<DropReason, number>> })[];
  readonly drops: Partial<Record<DropReason, number>>;
}

const OCTETS_PER_SA = 4096;

/** A worker thread as control sees it. */
interface WorkerHandle {
  readonly index: CpuIndex;
  readonly memory: WebAssembly.Memory;
  readonly counters: Float64Array;
  readonly wakeFd: number;
  readonly doorbell: RingProducer;
  readonly send: (message: ToWorker) => void;
  /** Messages sent so far. */
  readonly sent: () => number;
  readonly stopped: Promise<void>;
}

interface InstalledSa {
  readonly worker: WorkerHandle;
  readonly address: number;
}

/** Both halves of one Child SA, as far as the workers have installed them. */
interface SaRecord {
  inbound: InstalledSa | undefined;
  readonly outbound: Map<CpuIndex, InstalledSa>;
  shared: boolean;
}

/**
 * The user-space data plane, as the control thread holds it: starts the workers, routes the messages of key management to the worker they are
 * for, and reads the counters that the workers keep in their packet memories.
 */
export class DataPlane {
  readonly engine: { readonly name: string; readonly version: string };
  readonly #workers: readonly WorkerHandle[];
  readonly #map: MemoryMap;
  readonly #sas: Map<ChildSaId, SaRecord>;
  readonly #sharedCounters: SharedCounters;
  readonly #onEvent: (event: DataPlaneEvent) => void;
  #stopping: Promise<void> | undefined;

  private constructor(
    workers: readonly WorkerHandle[],
    map: MemoryMap,
    { sas, sharedCounters }: Installed,
    engine: { readonly name: string; readonly version: string },
    onEvent: (event: DataPlaneEvent) => void,
  ) {
    this.#onEvent = onEvent;
    this.#workers = workers;
    this.#map = map;
    this.#sas = sas;
    this.#sharedCounters = sharedCounters;
    this.engine = engine;
  }

  /** Starts the workers and waits until all of them run. @throws Error with the reason of the first one that could not. */
  static async start(options: DataPlaneOptions): Promise<DataPlane> {
    const saArenaSize = options.maxSasPerWorker * OCTETS_PER_SA;
    const map = layOutMemory(saArenaSize);
    const memories = options.workers.map(() => new WebAssembly.Memory({ initial: map.pages, maximum: map.pages, shared: true }));
    const wakeFds = options.workers.map(() => createWake());
    const sharedCounters = new SharedCounters(options.workers.map((_, index) => cpuIndex(index)));
    const installed: Installed = { sas: new Map(), sharedCounters };
    const starting = options.workers.map((pinTo, index) =>
      startWorker(
        {
          self: cpuIndex(index),
          pinTo,
          memories,
          wakeFds,
          tunFd: options.tunFds[index] ?? -1,
          udpOffload: options.udpOffload,
          sockets: options.sockets.map((sockets) => socketOf(sockets, index)),
          engine: options.engine,
          saArenaSize,
          sharedCounters: sharedCounters.buffer,
          steering: options.steering,
        },
        map,
        options,
        installed,
      ),
    );
    const results = await Promise.allSettled(starting);
    const started = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const failed = results.find((result) => result.status === "rejected");
    const first = started[0];
    if (failed !== undefined || first === undefined) {
      for (const { handle } of started) handle.send({ kind: "stop" });
      await Promise.all(started.map(({ handle }) => handle.stopped));
      for (const fd of wakeFds) closeWake(fd);
      throw failed === undefined ? new Error("a data plane needs at least one worker") : (failed.reason as Error);
    }
    return new DataPlane(
      started.map(({ handle }) => handle),
      map,
      installed,
      first.engine,
      options.onEvent,
    );
  }

  /** A local address has come: one socket for each worker, for good. SAs may name the address from now on. */
  addSockets(sockets: EspSockets): void {
    for (const worker of this.#workers) worker.send({ kind: "socket", socket: socketOf(sockets, worker.index) });
  }

  /** Carries out one message of key management. Key material in it is wiped. */
  apply(message: SadbMessage): void {
    switch (message.verb) {
      case "addPolicy":
      case "removePolicy":
        for (const worker of this.#workers) worker.send({ kind: "sadb", message, sharedCounter: 0 });
        return;
      case "addInbound":
        this.#record(message.sa.id);
        this.#send(message.sa.cpu, message, 0);
        message.sa.keymat.fill(0);
        return;
      case "addOutbound":
        this.#addOutbound(message.sa);
        message.sa.keymat.fill(0);
        return;
      case "removeInbound":
        this.#send(message.cpu, message, 0);
        return;
      case "removeOutbound":
        this.#removeOutbound(message.id, message.cpu);
        return;
      case "updateAddresses":
        if (this.#sas.get(message.id)?.shared === true)
          for (const worker of this.#workers) worker.send({ kind: "sadb", message, sharedCounter: 0 });
        else this.#send(message.cpu, message, 0);
        return;
      case "setEntry":
        this.#send(message.cpu, message, 0);
        return;
    }
  }

  /**
   * Blocks until the workers have carried out everything applied so far: an inbound SA is then there before the peer can hear of it. Takes as
   * long as a burst; a worker that does not get the CPU is waited for no longer than `timeout` milliseconds.
   */
  settle(timeout = 50): boolean {
    const deadline = performance.now() + timeout;
    return this.#workers.every(({ doorbell, sent }) => doorbell.awaitApplied(sent(), Math.max(0, deadline - performance.now())));
  }

  /** What every Child SA has carried so far. */
  usage(): SaUsage[] {
    return [...this.#sas].map(([id, record]) => {
      let packetsOut = 0;
      let bytesOut = 0;
      for (const { worker, address } of record.outbound.values()) {
        packetsOut += readCounter(worker, address + L.OSA_PACKETS);
        bytesOut += readCounter(worker, address + L.OSA_BYTES);
      }
      const inbound = record.inbound;
      return {
        id,
        packetsIn: inbound === undefined ? 0 : readCounter(inbound.worker, inbound.address + L.ISA_PACKETS),
        bytesIn: inbound === undefined ? 0 : readCounter(inbound.worker, inbound.address + L.ISA_BYTES),
        packetsOut,
        bytesOut,
      };
    });
  }

  counters(): DataPlaneCounters {
    const perWorker = this.#workers.map(({ counters }) => {
      const named = Object.fromEntries(COUNTERS.map((name, i) => [name, counters[(this.#map.counters >> 3) + i] ?? 0])) as WorkerCounters;
      const drops: Partial<Record<DropReason, number>> = {};
      for (const { code, name } of DROP_TABLE) {
        const count = counters[(this.#map.drops >> 3) + code] ?? 0;
        if (count > 0) drops[name] = count;
      }
      // Bytes out are kept per SA in the SA runtimes; packets and bytes in are the worker's own.
      return { ...named, drops };
    });
    const drops: Partial<Record<DropReason, number>> = {};
    for (const worker of perWorker) {
      for (const [name, count] of Object.entries(worker.drops) as [DropReason, number][]) drops[name] = (drops[name] ?? 0) + count;
    }
    return { perWorker, drops };
  }

  /** Stops all workers; keys are wiped. The descriptors handed in stay the caller's. */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      for (const worker of this.#workers) worker.send({ kind: "stop" });
      await Promise.all(this.#workers.map(({ stopped }) => stopped));
      for (const { wakeFd } of this.#workers) closeWake(wakeFd);
    })();
    return this.#stopping;
  }

  #send(cpu: CpuIndex, message: SadbMessage, sharedCounter: number): void {
    this.#workers[cpu]?.send({ kind: "sadb", message, sharedCounter });
  }

  #record(id: ChildSaId): SaRecord {
    let record = this.#sas.get(id);
    if (record === undefined) this.#sas.set(id, (record = { inbound: undefined, outbound: new Map(), shared: false }));
    return record;
  }

  #addOutbound(sa: OutboundSaSpec): void {
    const record = this.#record(sa.id);
    if (!sa.shared) {
      this.#send(sa.cpu, { verb: "addOutbound", sa }, 0);
      return;
    }
    record.shared = true;
    const counter = this.#sharedCounters.take(sa.id);
    if (counter === undefined) {
      this.#onEvent({ verb: "saRefused", id: sa.id, cpu: sa.cpu, why: `there are ${MAX_SHARED_SAS} shared SAs already` });
      return;
    }
    for (const worker of this.#workers) worker.send({ kind: "sadb", message: { verb: "addOutbound", sa }, sharedCounter: counter });
  }

  #removeOutbound(id: ChildSaId, cpu: CpuIndex): void {
    const message: SadbMessage = { verb: "removeOutbound", id, cpu };
    if (this.#sas.get(id)?.shared === true) for (const worker of this.#workers) worker.send({ kind: "sadb", message, sharedCounter: 0 });
    else this.#send(cpu, message, 0);
  }
}

function socketOf({ local, encapsulation, fds }: EspSockets, worker: number): WorkerSocket {
  return { local, encapsulation, fd: fds[worker] ?? -1 };
}

function readCounter({ counters }: WorkerHandle, address: number): number {
  return counters[address >> 3] ?? 0;
}

interface Installed {
  readonly sas: Map<ChildSaId, SaRecord>;
  readonly sharedCounters: SharedCounters;
}

function noteInstalled({ sas }: Installed, worker: WorkerHandle, id: ChildSaId, direction: "in" | "out", address: number): void {
  const record = sas.get(id);
  if (record === undefined) return;
  if (direction === "in") record.inbound = { worker, address };
  else record.outbound.set(worker.index, { worker, address });
}

function noteRemoved({ sas, sharedCounters }: Installed, worker: WorkerHandle, id: ChildSaId, direction: "in" | "out"): void {
  if (direction === "out") sharedCounters.removed(id, worker.index);
  const record = sas.get(id);
  if (record === undefined) return;
  if (direction === "in") record.inbound = undefined;
  else record.outbound.delete(worker.index);
  if (record.inbound === undefined && record.outbound.size === 0) sas.delete(id);
}

interface Started {
  readonly handle: WorkerHandle;
  readonly engine: { readonly name: string; readonly version: string };
}

function startWorker(
  setup: Omit<WorkerSetup, "port">,
  map: MemoryMap,
  { onEvent, onFatal }: DataPlaneOptions,
  installed: Installed,
): Promise<Started> {
  const { port1, port2 } = new MessageChannel();
  const memory = setup.memories[setup.self] as WebAssembly.Memory;
  const buffer = memory.buffer;
  const wakeFd = setup.wakeFds[setup.self] ?? -1;
  const doorbell = new RingProducer(buffer, map.ring, 0);
  const worker = new Worker(new URL(`./worker/worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url), {
    workerData: { ...setup, port: port2 },
    transferList: [port2],
    name: `hawser-cpu${setup.self}`,
  });
  return new Promise<Started>((resolve, reject) => {
    let running = false;
    let sent = 0;
    const handle: WorkerHandle = {
      index: setup.self,
      memory,
      counters: new Float64Array(buffer),
      wakeFd,
      doorbell,
      send: (message) => {
        port1.postMessage(message);
        sent++;
        doorbell.ringDoorbell();
        signalWake(wakeFd);
      },
      sent: () => sent,
      stopped: new Promise((done) => worker.once("exit", () => done())),
    };
    const fail = (error: Error): void => {
      if (running) onFatal(error);
      else reject(error);
    };
    worker.once("error", fail);
    port1.on("message", (message: FromWorker) => {
      switch (message.kind) {
        case "ready":
          running = true;
          resolve({ handle, engine: message.engine });
          return;
        case "event":
          onEvent(message.event);
          return;
        case "installed":
          noteInstalled(installed, handle, message.id, message.direction, message.address);
          return;
        case "removed":
          noteRemoved(installed, handle, message.id, message.direction);
          return;
        case "stopped":
          return;
        case "fatal":
          fail(new Error(`worker ${setup.self}: ${message.message}`));
          return;
      }
    });
  });
}
