// Where things lie in this worker's packet memory, and the cursors of the burst in hand. Set once by `configure…` (memory-map.ts).
import { DROP_REASONS } from "../layout";

/** Absolute address of packet memory, for the pointers that the kernel and the engines read. */
export let base: u64 = 0;
export let drops: usize = 0;
export let jobs: usize = 0;
export let nonces: usize = 0;
export let aads: usize = 0;
export let icvs: usize = 0;
export let receivedIcvs: usize = 0;
export let sends: usize = 0;
export let sendCapacity: i32 = 0;
export let jobCapacity: i32 = 0;
export let segments: usize = 0;
export let segmentsEnd: usize = 0;
export let messages: usize = 0;
export let messageCapacity: i32 = 0;
export let iovs: usize = 0;
export let iovCapacity: i32 = 0;
export let controls: usize = 0;
export let dests: usize = 0;
export let received: usize = 0;
export let runs: usize = 0;
export let runCapacity: i32 = 0;
export let foreigners: usize = 0;
export let foreignerCapacity: i32 = 0;
export let deliveries: usize = 0;

export function configureBase(address: u64, dropCounters: usize): void {
  base = address;
  drops = dropCounters;
}

export function configureJobs(
  jobArray: usize,
  nonceArray: usize,
  aadArray: usize,
  icvArray: usize,
  receivedIcvArray: usize,
  capacity: i32,
): void {
  jobs = jobArray;
  nonces = nonceArray;
  aads = aadArray;
  icvs = icvArray;
  receivedIcvs = receivedIcvArray;
  jobCapacity = capacity;
}

export function configureOutbound(sendArray: usize, capacity: i32, segmentArena: usize, segmentArenaEnd: usize, destArray: usize): void {
  sends = sendArray;
  sendCapacity = capacity;
  segments = segmentArena;
  segmentsEnd = segmentArenaEnd;
  dests = destArray;
}

export function configureMessages(messageArray: usize, capacity: i32, iovArray: usize, iovs_: i32, controlArray: usize): void {
  messages = messageArray;
  messageCapacity = capacity;
  iovs = iovArray;
  iovCapacity = iovs_;
  controls = controlArray;
}

export function configureInbound(
  inArray: usize,
  runArray: usize,
  runs_: i32,
  foreignArray: usize,
  foreigners_: i32,
  deliveryArray: usize,
): void {
  received = inArray;
  runs = runArray;
  runCapacity = runs_;
  foreigners = foreignArray;
  foreignerCapacity = foreigners_;
  deliveries = deliveryArray;
}

/** Counts `n` dropped packets under a reason code of ipsec/drop-reasons.ts. */
export function drop(reason: i32, n: i32): void {
  const at = drops + ((<usize>(reason & (DROP_REASONS - 1))) << 3);
  store<f64>(at, load<f64>(at) + <f64>n);
}
