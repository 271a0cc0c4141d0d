/** Programs that run in the kernel for every packet and say which worker gets it. Both hold on to their program until the descriptor is closed. */
import { addressOf, close, EAGAIN, errno, setsockopt, syscall3, SystemCallError } from "./libc.ts";
import { assembleClassic, assembleExtended, classic, extended } from "./bpf-assembler.ts";
import type { ClassicLine, ExtendedLine } from "./bpf-assembler.ts";
import { cpuDispatch, FLOW_TABLE } from "./cpu-dispatch.ts";
import { attachSteering } from "./tun.ts";

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const SO_ATTACH_REUSEPORT_CBPF = 51;

const SYS_BPF = process.arch === "x64" ? 321 : 280;
const BPF_MAP_CREATE = 0;
const BPF_PROG_LOAD = 5;
const BPF_MAP_TYPE_ARRAY = 2;
const BPF_PROG_TYPE_SOCKET_FILTER = 1;
const BPF_ATTR_LENGTH = 128;
/** As often as libbpf tries. */
const LOAD_ATTEMPTS = 5;

const HELPER_GET_PRANDOM_U32 = 7;

/** What structures given to the kernel point to: programs of up to 4096 instructions, BPF's own limit. */
const LICENCE_ROOM = 64;
const scratch = new SharedArrayBuffer(LICENCE_ROOM + 4096 * 8);
const scratchAddress = addressOf(scratch);

export interface SpiSteering {
  readonly mask: number;
  readonly multiplier: number;
  readonly workers: number;
}

/**
 * Steers datagrams that reach a SO_REUSEPORT group by the SPI in their first four octets: to socket 1 + ((((spi ^ mask) * multiplier) mod 2^32)
 * >> 16) mod workers, in the order in which the sockets were bound. Socket 0 gets the rest: IKE, whose non-ESP marker is an SPI of 0 (RFC 3948
 * §2.2), and what is too short to have an SPI, e.g. keepalives (§2.3).
 *
 * @param fd any socket of the group; the program serves all of them
 */
export function attachSpiSteering(fd: number, { mask, multiplier, workers }: SpiSteering): void {
  attachClassic(
    fd,
    SO_ATTACH_REUSEPORT_CBPF,
    [
      classic.loadWord(0), // the data starts behind the UDP header
      classic.jumpIfEqual(0, "control", "esp"),
      "control",
      classic.returnValue(0),
      "esp",
      classic.xor(mask),
      classic.multiply(multiplier),
      classic.shiftRight(16),
      classic.modulo(workers),
      classic.add(1),
      classic.returnA(),
    ],
    "steer ESP by SPI",
  );
}

/** Has the socket receive only what `program` returns more than 0 octets of. */
export function attachFilter(fd: number, program: readonly ClassicLine[]): void {
  attachClassic(fd, SO_ATTACH_FILTER, program, "filter packets");
}

/**
 * How the kernel chooses the TUN queue of an outgoing packet. `cpu`: the queue of the CPU that sends it, which is how RFC 9611 §2 means it, without
 * reordering a flow ({@link cpuDispatch}); `round-robin` and `random`: packet by packet, for tests, since they reorder flows; `flow`: the kernel's own, by a hash of the flow that also
 * learns from the queue on which the answers are written.
 */
export type Dispatch = "cpu" | "round-robin" | "random" | "flow";

export interface DispatchResult {
  readonly dispatch: Dispatch;
  /** Why it is not what was asked for. */
  readonly reason?: string;
}

/**
 * @param tunFd any queue of the device
 * @param cpus the CPU that each queue's worker is pinned to; packets of other CPUs go to queue (CPU mod queues)
 * @returns what is in effect: `flow` with a reason where the kernel lets us load no program
 */
export function steerQueues(tunFd: number, asked: Dispatch, cpus: readonly number[]): DispatchResult {
  if (asked === "flow" || cpus.length === 1) return { dispatch: asked };
  try {
    const program = loadDispatchProgram(asked, cpus);
    try {
      attachSteering(tunFd, program);
    } finally {
      close(program);
    }
    return { dispatch: asked };
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    return { dispatch: "flow", reason: error.message };
  }
}

function loadDispatchProgram(dispatch: Exclude<Dispatch, "flow">, cpus: readonly number[]): number {
  switch (dispatch) {
    case "cpu": {
      const flows = createArrayMap(FLOW_TABLE.valueOctets, FLOW_TABLE.entries, "make a table of flows");
      try {
        return loadProgram(cpuDispatch(cpus, flows));
      } finally {
        close(flows); // the program keeps it
      }
    }
    case "random":
      return loadProgram([extended.call(HELPER_GET_PRANDOM_U32), extended.exit()]); // the device reduces it modulo its queues
    case "round-robin": {
      const counter = createArrayMap(4, 1, "make a counter for round-robin");
      try {
        return loadProgram([
          ...extended.loadMapValue(1, counter),
          extended.moveImmediate(0, 1),
          extended.atomicFetchAdd(1, 0, 0),
          extended.exit(),
        ]);
      } finally {
        close(counter); // the program keeps it
      }
    }
  }
}

/** struct sock_fprog: u16 number of instructions, then at 8 their address. */
function attachClassic(fd: number, option: number, program: readonly ClassicLine[], what: string): void {
  const code = assembleClassic(program);
  const header = Buffer.alloc(16);
  header.writeUInt16LE(code.length / 8, 0);
  header.writeBigUInt64LE(place(code), 8);
  if (setsockopt(fd, SOL_SOCKET, option, header, header.length) < 0) throw new SystemCallError("setsockopt", errno(), what);
}

/** union bpf_attr for BPF_PROG_LOAD: u32 type, u32 instructions, u64 code, u64 licence. */
function loadProgram(program: readonly ExtendedLine[]): number {
  const code = assembleExtended(program);
  const licence = Buffer.from("Apache-2.0\0");
  const attributes = Buffer.alloc(BPF_ATTR_LENGTH);
  attributes.writeUInt32LE(BPF_PROG_TYPE_SOCKET_FILTER, 0);
  attributes.writeUInt32LE(code.length / 8, 4);
  attributes.writeBigUInt64LE(place(code, LICENCE_ROOM), 8);
  attributes.writeBigUInt64LE(place(licence), 16);
  return untilVerified(() => bpf(BPF_PROG_LOAD, attributes, "load a program that chooses TUN queues"));
}

/** The verifier breaks off with EAGAIN when a signal is pending, such as a profiler's: that says nothing of the program. */
export function untilVerified(load: () => number): number {
  for (let attempt = 1; ; attempt++) {
    try {
      return load();
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.errno !== EAGAIN || attempt === LOAD_ATTEMPTS) throw error;
    }
  }
}

/** union bpf_attr for BPF_MAP_CREATE: u32 type, u32 octets of a key, u32 octets of a value, u32 entries. */
function createArrayMap(valueOctets: number, entries: number, what: string): number {
  const attributes = Buffer.alloc(BPF_ATTR_LENGTH);
  Buffer.from(Uint32Array.of(BPF_MAP_TYPE_ARRAY, 4, valueOctets, entries).buffer).copy(attributes);
  return bpf(BPF_MAP_CREATE, attributes, what);
}

function bpf(command: number, attributes: Buffer, what: string): number {
  const fd = syscall3(SYS_BPF, command, attributes, attributes.length);
  if (fd < 0) throw new SystemCallError("bpf", errno(), what);
  return fd;
}

/** Puts octets where they stay while a structure points to them, and returns their address. */
function place(octets: Uint8Array, at = 0): bigint {
  new Uint8Array(scratch).set(octets, at);
  return BigInt(scratchAddress + at);
}
