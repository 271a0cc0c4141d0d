import type { Kernels } from "../../kernels/kernels.ts";
import type { WorkerSetup } from "../messages.ts";
import {
  FOREIGN_CAPACITY,
  IOV_CAPACITY,
  JOB_CAPACITY,
  MESSAGE_CAPACITY,
  REBUILD_ARENA,
  SEGMENT_ARENA,
  SEND_CAPACITY,
} from "./memory-map.ts";
import type { MemoryMap } from "./memory-map.ts";

/** Tells the kernels where everything lies. */
export function configureKernels(
  kernels: Kernels,
  map: MemoryMap,
  base: number,
  setup: Pick<WorkerSetup, "steering" | "memories" | "self" | "udpOffload">,
): void {
  kernels.configureBase(BigInt(base), map.drops);
  kernels.configureJobs(map.jobs, map.nonces, map.aads, map.icvs, map.receivedIcvs, JOB_CAPACITY);
  kernels.configureOutbound(map.sends, SEND_CAPACITY, map.segments, map.segments + SEGMENT_ARENA, map.dests);
  kernels.configureMessages(map.messages, MESSAGE_CAPACITY, map.iovs, IOV_CAPACITY, map.controls);
  kernels.configureInbound(map.ins, map.runs, JOB_CAPACITY, map.foreigners, FOREIGN_CAPACITY, map.deliveries);
  kernels.configureReceive(map.rxMessages, map.rxIovs, map.rxControls, map.rxNames);
  kernels.configureSteering(setup.steering.mask, setup.steering.multiplier, setup.memories.length, setup.self);
  kernels.configureCoalescing(setup.udpOffload);
  kernels.configureRebuilding(map.rebuilt, map.rebuilt + REBUILD_ARENA);
}
