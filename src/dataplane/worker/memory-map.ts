/**
 * Where things lie in a worker's packet memory. One shared `WebAssembly.Memory` per worker holds its packets, its SAD, its rings and the
 * engine's key schedules: TypeScript, the kernels, the kernel's system calls and the engines all work on the same octets, so nothing is
 * copied between them. All workers have the same map, so a worker finds another's hand-off ring at the offset of its own.
 */
import {
  CONTROL_SIZE,
  DELIVERY_SIZE,
  DEST_SIZE,
  DROP_REASONS,
  ICV_ROOM,
  IN_SIZE,
  IOV_SIZE,
  JOB_SIZE,
  MSG_SIZE,
  NAME_SIZE,
  NONCE_ROOM,
  OUT_SIZE,
  RUN_SIZE,
  SEND_SIZE,
} from "../../kernels/layout.ts";
import { KERNEL_STATICS_END } from "../../kernels/kernels.ts";

const PAGE = 65536;
const CACHE_LINE = 64;

/** Jobs of the cipher engine in one batch: three 64 KiB super-packets of full-sized segments. */
export const JOB_CAPACITY = 256;
/** ESP packets gathered before they are sent. */
export const SEND_CAPACITY = 512;
export const MESSAGE_CAPACITY = 64;
export const IOV_CAPACITY = 1024;
/** TUN packets read before they are sealed. */
export const OUT_CAPACITY = 64;
/** Messages asked of one recvmmsg: each may be 64 KiB of merged ESP where that comes in UDP, else it is one packet. */
export const RECEIVE_MESSAGES = { udp: 8, none: 64 } as const;
/** Room for the most of them. Memory that no packet was put into is not there. */
const RECEIVE_CAPACITY = Math.max(...Object.values(RECEIVE_MESSAGES));
/** Largest UDP payload or IPv4 packet, and room so that buffers start on cache lines. */
export const RECEIVE_STRIDE = 66 * 1024;
export const RECEIVE_ROOM = 65535;
/** Largest read from the TUN device: virtio-net header and a 64 KiB super-packet, and what ESP adds around a packet that is sealed in place. */
export const TUN_READ_ROOM = 10 + 65535 + 128;
export const TUN_ARENA = 256 * 1024;
export const SEGMENT_ARENA = 512 * 1024;
/** Inbound packets of transport mode that are delivered at once: more are finished in several bursts. */
export const REBUILD_ARENA = 512 * 1024;
export const FLOW_CACHE_LINES = 2048;
export const FLOW_CACHE_LINE = 64;
export const POLICY_CAPACITY = 4096;
export const DEST_CAPACITY = 1024;
export const FOREIGN_CAPACITY = 64;
const FOREIGN_SIZE = 16;
const POLLFD_SIZE = 8;
/** Octets of packets that other workers may have put into the ring and that are not yet sealed: about 60 super-packets. */
export const RING_DATA = 4 * 1024 * 1024;
export const RING_HEADER = 256;
/** ESP sockets that a worker can watch. */
export const MOST_SOCKETS = 126;
export const WORKER_COUNTERS = 32;
const ENGINE_ARENA = 512 * 1024;

export interface MemoryMap {
  readonly drops: number;
  readonly counters: number;
  readonly ring: number;
  readonly jobs: number;
  readonly nonces: number;
  readonly aads: number;
  /** As the engine computes them, inbound. */
  readonly icvs: number;
  /** As they came, where the engine needs their place in the packet. */
  readonly receivedIcvs: number;
  readonly outs: number;
  /** An OUT record of its own for packets that were held. */
  readonly heldOut: number;
  readonly sends: number;
  readonly dests: number;
  readonly messages: number;
  readonly iovs: number;
  readonly controls: number;
  readonly ins: number;
  readonly runs: number;
  readonly deliveries: number;
  readonly foreigners: number;
  readonly rxMessages: number;
  readonly rxIovs: number;
  readonly rxControls: number;
  readonly rxNames: number;
  readonly rxBuffers: number;
  readonly tunArena: number;
  readonly segments: number;
  readonly rebuilt: number;
  readonly flowCache: number;
  readonly policyOrder: number;
  readonly pollFds: number;
  readonly scratch: number;
  readonly engineArena: number;
  readonly engineArenaSize: number;
  /** SA runtimes, windows, selectors, key schedules: handed out by {@link SlabAllocator}. */
  readonly saArena: number;
  readonly saArenaSize: number;
  /** Size of the whole memory, in 64 KiB pages. */
  readonly pages: number;
}

/** Lays the map out for an SA arena of `saArenaSize` octets (about 3.5 KiB for each Child SA with a 4096-packet window). */
export function layOutMemory(saArenaSize: number): MemoryMap {
  let cursor = KERNEL_STATICS_END;
  const take = (octets: number, align = CACHE_LINE): number => {
    cursor = Math.ceil(cursor / align) * align;
    const at = cursor;
    cursor += octets;
    return at;
  };
  const map = {
    drops: take(DROP_REASONS * 8),
    counters: take(WORKER_COUNTERS * 8),
    ring: take(RING_HEADER + RING_DATA),
    jobs: take(JOB_CAPACITY * JOB_SIZE),
    nonces: take(JOB_CAPACITY * NONCE_ROOM),
    aads: take(JOB_CAPACITY * 16),
    icvs: take(JOB_CAPACITY * ICV_ROOM),
    receivedIcvs: take(JOB_CAPACITY * ICV_ROOM),
    outs: take(OUT_CAPACITY * OUT_SIZE),
    heldOut: take(OUT_SIZE),
    sends: take(SEND_CAPACITY * SEND_SIZE),
    dests: take(DEST_CAPACITY * DEST_SIZE),
    messages: take(MESSAGE_CAPACITY * MSG_SIZE),
    iovs: take(IOV_CAPACITY * IOV_SIZE),
    controls: take(MESSAGE_CAPACITY * CONTROL_SIZE),
    ins: take(JOB_CAPACITY * IN_SIZE),
    runs: take(JOB_CAPACITY * RUN_SIZE),
    deliveries: take(JOB_CAPACITY * DELIVERY_SIZE),
    foreigners: take(FOREIGN_CAPACITY * FOREIGN_SIZE),
    rxMessages: take(RECEIVE_CAPACITY * MSG_SIZE),
    rxIovs: take(RECEIVE_CAPACITY * IOV_SIZE),
    rxControls: take(RECEIVE_CAPACITY * CONTROL_SIZE),
    rxNames: take(RECEIVE_CAPACITY * NAME_SIZE),
    rxBuffers: take(RECEIVE_CAPACITY * RECEIVE_STRIDE),
    tunArena: take(TUN_ARENA),
    segments: take(SEGMENT_ARENA),
    rebuilt: take(REBUILD_ARENA),
    flowCache: take(FLOW_CACHE_LINES * FLOW_CACHE_LINE),
    policyOrder: take(POLICY_CAPACITY * 4),
    pollFds: take((2 + MOST_SOCKETS) * POLLFD_SIZE),
    scratch: take(4096),
    engineArena: take(ENGINE_ARENA, 4096),
    engineArenaSize: ENGINE_ARENA,
    saArena: take(saArenaSize, 4096),
    saArenaSize,
  };
  return { ...map, pages: Math.ceil(cursor / PAGE) };
}
