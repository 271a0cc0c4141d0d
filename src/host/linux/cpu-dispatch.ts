/**
 * The eBPF program behind `dispatch: cpu`: a packet goes to the TUN queue whose worker runs on the CPU that sends it (RFC 9611 §2).
 *
 * A TCP flow is sent by two CPUs by turns, the one that its application runs on and the one that takes its acknowledgements in. Each packet on the
 * queue of the CPU of the moment would put the flow on two Child SAs, where it is reordered, and TCP takes that for loss. So a flow keeps its
 * queue while its packets follow closely, and changes where that can reorder nothing or little: after a pause, or when another CPU alone has sent
 * it for some time, which means that the application has moved. Packets without a flow hash (UDP, ICMP, raw sockets) follow their CPU at once.
 */
import { extended } from "./bpf-assembler.ts";
import type { ExtendedLine } from "./bpf-assembler.ts";

/** A pause in which what was sent before has surely left its worker. */
const FLOWLET_GAP_NS = 1_000_000;
/** How long another CPU alone must have sent a flow without such a pause. */
const MOVED_AFTER_NS = 10_000_000;

/** Flows whose hashes share an entry share a queue; races between CPUs on one entry cost a packet in the wrong queue. */
export const FLOW_TABLE = { entries: 4096, valueOctets: 24 } as const;
/** u64 when the last packet went; u64 when the queue was last the sender's own; u32 queue. */
const LAST = 0;
const FITTED = 8;
const QUEUE = 16;

const HELPER_MAP_LOOKUP = 1;
const HELPER_KTIME_GET_NS = 5;
const HELPER_GET_SMP_PROCESSOR_ID = 8;
const HELPER_GET_SOCKET_COOKIE = 46;

/** `hash` in struct __sk_buff: that of the flow, 0 where the kernel has none. */
const SK_BUFF_HASH = 68;

const [RESULT, A1, A2, PACKET, OWN, ENTRY, NOW, FRAME] = [0, 1, 2, 6, 7, 8, 9, 10];

/**
 * @param cpus the CPU that each queue's worker is pinned to
 * @param flowTable descriptor of an array map of {@link FLOW_TABLE}'s shape
 */
export function cpuDispatch(cpus: readonly number[], flowTable: number): ExtendedLine[] {
  return [
    extended.move(PACKET, A1),
    ...chooseOwnQueue(cpus),
    extended.loadWord(A1, PACKET, SK_BUFF_HASH),
    extended.jumpIf(A1, 0, "own"),
    extended.andImmediate(A1, FLOW_TABLE.entries - 1),
    extended.storeWord(FRAME, A1, -4),
    extended.move(A2, FRAME),
    extended.addImmediate(A2, -4),
    ...extended.loadMap(A1, flowTable),
    extended.call(HELPER_MAP_LOOKUP),
    extended.jumpIf(RESULT, 0, "own"),
    extended.move(ENTRY, RESULT),
    extended.call(HELPER_KTIME_GET_NS),
    extended.move(NOW, RESULT),
    extended.loadDouble(A1, ENTRY, LAST),
    extended.storeDouble(ENTRY, NOW, LAST),
    extended.move(A2, NOW),
    extended.subtract(A2, A1),
    extended.jumpIfAbove(A2, FLOWLET_GAP_NS, "move"),
    extended.loadWord(RESULT, ENTRY, QUEUE),
    extended.jumpIfSame(RESULT, OWN, "move"),
    extended.loadDouble(A1, ENTRY, FITTED),
    extended.move(A2, NOW),
    extended.subtract(A2, A1),
    extended.jumpIfAbove(A2, MOVED_AFTER_NS, "move"),
    extended.exit(),
    "move",
    extended.storeDouble(ENTRY, NOW, FITTED),
    extended.storeWord(ENTRY, OWN, QUEUE),
    "own",
    extended.move(RESULT, OWN),
    extended.exit(),
  ];
}

/** OWN = the queue of this CPU; the CPU's number where it has none, which the device reduces modulo its queues. */
function chooseOwnQueue(cpus: readonly number[]): ExtendedLine[] {
  const queuesOf = new Map<number, number[]>();
  cpus.forEach((cpu, queue) => queuesOf.set(cpu, [...(queuesOf.get(cpu) ?? []), queue]));
  return [
    extended.call(HELPER_GET_SMP_PROCESSOR_ID),
    extended.move(OWN, RESULT),
    ...[...queuesOf].flatMap(([cpu, queues]) => [
      extended.jumpIfNot(OWN, cpu, `not on ${cpu}`),
      ...chooseAmong(queues, cpu),
      extended.jump("chosen"),
      `not on ${cpu}`,
    ]),
    "chosen",
  ];
}

/** Workers that share a CPU share its packets by flow, or where the kernel knows none, by sending socket. */
function chooseAmong(queues: readonly number[], cpu: number): ExtendedLine[] {
  const [only = 0] = queues;
  if (queues.length === 1) return [extended.moveImmediate(OWN, only)];
  return [
    extended.loadWord(RESULT, PACKET, SK_BUFF_HASH),
    extended.jumpIfNot(RESULT, 0, `keyed on ${cpu}`),
    extended.move(A1, PACKET),
    extended.call(HELPER_GET_SOCKET_COOKIE),
    `keyed on ${cpu}`,
    extended.moduloImmediate(RESULT, queues.length),
    ...queues.flatMap((queue, i) => [
      extended.jumpIfNot(RESULT, i, `not ${i} on ${cpu}`),
      extended.moveImmediate(OWN, queue),
      extended.jump("chosen"),
      `not ${i} on ${cpu}`,
    ]),
    extended.moveImmediate(OWN, only), // not reached
  ];
}
