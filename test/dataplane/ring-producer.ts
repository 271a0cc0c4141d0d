/** A producer thread of handoff-ring.test.ts: pushes numbered records of varying length until all are in. */
import { workerData } from "node:worker_threads";
import { RingProducer } from "../../src/dataplane/worker/handoff-ring.ts";
import { OUT_LENGTH, OUT_PACKET } from "../../src/kernels/layout.ts";

const { memory, id, count } = workerData as { memory: SharedArrayBuffer; id: number; count: number };
const own = new Uint8Array(4096);
const view = new DataView(own.buffer);
const target = new Uint8Array(memory);
const ring = new RingProducer(memory, 0, 0);
const words = new Uint32Array(own.buffer);
const OUTS = 0;
const SOURCE = 64;

/** As the test expects it. */
const recordLength = (producer: number, index: number): number => 8 + ((index * 7919 + producer * 131) % 3000);

for (let i = 0; i < count;) {
  view.setUint32(SOURCE, id, true);
  view.setUint32(SOURCE + 4, i, true);
  view.setUint32(OUTS + OUT_PACKET, SOURCE, true);
  view.setUint32(OUTS + OUT_LENGTH, recordLength(id, i), true);
  if (ring.pushOutbound(words, 0, OUTS, 1, id, (to, from, octets) => target.set(own.subarray(from, from + octets), to))) i++;
}
