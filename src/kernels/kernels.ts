import { readFileSync } from "node:fs";

/** A mutable global that a kernel exports: the second result of a call. */
interface Result {
  readonly value: number;
}

/** What assembly/index.ts exports. Addresses are offsets into the packet memory that the instance was made with. */
export interface Kernels {
  configureBase(address: bigint, dropCounters: number): void;
  configureJobs(jobs: number, nonces: number, aads: number, icvs: number, capacity: number): void;
  configureOutbound(sends: number, capacity: number, segments: number, segmentsEnd: number, dests: number): void;
  configureMessages(messages: number, capacity: number, iovs: number, iovCapacity: number, controls: number): void;
  configureInbound(received: number, runs: number, runCapacity: number, foreigners: number, foreignerCapacity: number): void;
  configureReceive(messages: number, iovs: number, controls: number, names: number): void;
  configureSpd(flowCache: number, lines: number, order: number): void;
  configureSad(table: number, capacity: number): void;
  configureSteering(mask: number, multiplier: number, workers: number, self: number): void;
  configureCoalescing(udp: boolean): void;

  spdChanged(policies: number): void;
  findInbound(spi: number): number;
  insertInbound(spi: number, sa: number): void;
  removeInbound(spi: number): void;

  classify(first: number, count: number): void;
  beginOutbound(): void;
  encap(first: number, count: number, sa: number): number;
  jobsSealed(): void;
  readonly encapDone: Result;
  readonly jobCount: Result;
  readonly sendCount: Result;
  buildMessages(from: number): number;
  readonly sendsTaken: Result;
  readonly messageSocket: Result;

  resetReceive(count: number, buffers: number, stride: number, room: number): void;
  inspectMessage(index: number, length: number): void;
  readonly messageSegment: Result;
  readonly messageTos: Result;
  beginInbound(): void;
  prepare(data: number, length: number, segment: number, outerTos: number, peer: number, handedOn: boolean): void;
  readonly preparedOctets: Result;
  readonly preparedCount: Result;
  readonly foreignCount: Result;
  foreignTaken(): void;
  readonly runCount: Result;
  finish(): void;
  coalesce(from: number, count: number): void;
  readonly recordsTaken: Result;
  readonly vectorCount: Result;
  readonly vectorOctets: Result;

  // The pieces, for tests against plain references.
  sum(address: number, length: number, initial: number): number;
  copySum(to: number, from: number, length: number, initial: number): number;
  pseudoHeader(ip: number, length: number, protocol: number): number;
  parseIp(address: number, available: number): number;
  replayCheck(sa: number, seq: bigint): number;
  replayCommit(sa: number, seq: bigint): number;
}

/** The owner that `prepare` names for IKE messages found on a worker's socket. */
export const OWNER_CONTROL = 0xffff;

/** Packet memory below this address belongs to the kernels' own statics. */
export const KERNEL_STATICS_END = 65536;

let compiled: WebAssembly.Module | undefined;

/** One instance over one worker's packet memory. The module is compiled once per thread. */
export function instantiateKernels(memory: WebAssembly.Memory): Kernels {
  compiled ??= new WebAssembly.Module(readFileSync(new URL("./hawser.wasm", import.meta.url)));
  const instance = new WebAssembly.Instance(compiled, { env: { memory } });
  return instance.exports as unknown as Kernels;
}
