import { readFileSync } from "node:fs";
import * as L from "./layout.ts";

/** A word in the kernels' statics: the second result of a call, valid until the next. */
class Result {
  readonly #words: Int32Array;
  readonly #index: number;

  constructor(words: Int32Array, offset: number) {
    this.#words = words;
    this.#index = offset >> 2;
  }

  get value(): number {
    return this.#words[this.#index] as number;
  }
}

/** What assembly/index.ts exports. Addresses are offsets into the packet memory that the instance was made with. */
interface Exports {
  configureBase(address: bigint, dropCounters: number): void;
  configureJobs(jobs: number, nonces: number, aads: number, icvs: number, receivedIcvs: number, capacity: number): void;
  configureOutbound(sends: number, capacity: number, segments: number, segmentsEnd: number, dests: number): void;
  configureMessages(messages: number, capacity: number, iovs: number, iovCapacity: number, controls: number): void;
  configureInbound(
    received: number,
    runs: number,
    runCapacity: number,
    foreigners: number,
    foreignerCapacity: number,
    deliveries: number,
  ): void;
  configureReceive(messages: number, iovs: number, controls: number, names: number): void;
  configureSpd(flowCache: number, lines: number, order: number): void;
  configureSad(table: number, capacity: number): void;
  configureSteering(mask: number, multiplier: number, workers: number, self: number): void;
  configureCoalescing(udp: boolean): void;
  configureRebuilding(from: number, end: number): void;

  spdChanged(policies: number): void;
  findInbound(spi: number): number;
  insertInbound(spi: number, sa: number): void;
  removeInbound(spi: number): void;

  classify(first: number, count: number): void;
  beginOutbound(): void;
  encap(first: number, count: number, sa: number): number;
  jobsSealed(): void;
  buildMessages(from: number): number;

  resetReceive(count: number, buffers: number, stride: number, room: number): void;
  inspectMessage(index: number, length: number): void;
  beginInbound(): void;
  prepare(data: number, length: number, segment: number, outerTos: number, peer: number, from: number): void;
  foreignTaken(): void;
  finish(): void;
  join(): void;

  // The pieces, for tests against plain references.
  sum(address: number, length: number, initial: number): number;
  copySum(to: number, from: number, length: number, initial: number): number;
  pseudoHeader(ip: number, length: number, protocol: number): number;
  parseIp(address: number, available: number): number;
  replayCheck(sa: number, seq: bigint): number;
  replayCommit(sa: number, seq: bigint): number;
}

function resultsOf(memory: WebAssembly.Memory) {
  const words = new Int32Array(memory.buffer);
  const at = (offset: number): Result => new Result(words, offset);
  return {
    /** Records of OUT that the last `encap` has dealt with. */
    encapDone: at(L.RESULT_ENCAP_DONE),
    jobCount: at(L.RESULT_JOB_COUNT),
    sendCount: at(L.RESULT_SEND_COUNT),
    /** Of the last `buildMessages`. */
    sendsTaken: at(L.RESULT_SENDS_TAKEN),
    messageSocket: at(L.RESULT_MESSAGE_SOCKET),
    /** Of the last `inspectMessage`. */
    messageSegment: at(L.RESULT_MESSAGE_SEGMENT),
    messageTos: at(L.RESULT_MESSAGE_TOS),
    /** Octets of the message that the last `prepare` has dealt with: less than all when a list was full. */
    preparedOctets: at(L.RESULT_PREPARED_OCTETS),
    /** Since `beginInbound`: received packets prepared, packets of other workers, runs of jobs. */
    preparedCount: at(L.RESULT_PREPARED_COUNT),
    foreignCount: at(L.RESULT_FOREIGN_COUNT),
    runCount: at(L.RESULT_RUN_COUNT),
    /** An SPI of ours by its owner that no SA has, as int32, and where the sockaddr of its sender lies; 0: there was none. */
    unknownSpi: at(L.RESULT_UNKNOWN_SPI),
    unknownPeer: at(L.RESULT_UNKNOWN_PEER),
    /** Of the last `join`. */
    deliveryCount: at(L.RESULT_DELIVERY_COUNT),
  };
}

export type Kernels = Exports & ReturnType<typeof resultsOf>;

/** The owner that `prepare` names for IKE messages found on a worker's socket. */
export const OWNER_CONTROL = 0xffff;

/** Packet memory below this address belongs to the kernels' own statics. */
export const KERNEL_STATICS_END = 65536;

let compiled: WebAssembly.Module | undefined;

/** One instance over one worker's packet memory. The module is compiled once per thread. */
export function instantiateKernels(memory: WebAssembly.Memory): Kernels {
  compiled ??= new WebAssembly.Module(readFileSync(new URL("./hawser.wasm", import.meta.url)));
  const instance = new WebAssembly.Instance(compiled, { env: { memory } });
  return { ...(instance.exports as unknown as Exports), ...resultsOf(memory) };
}
